import CalendarTime
import Metrics
import OCSP
public import Responder
import Synchronization

/// Keeps an edge's memory in step with the news: drops what has changed, takes the new answers in, and empties memory where
/// news was missed.
public final class UpdateFollower: UpdateReceiver {
  private struct State {
    var position = UpdatePosition()
    /// Monotonic nanoseconds; nil while the stream is heard.
    var deafSince: Int64? = .some(0)
    var why: String?
    /// What the log has of it.
    var toldWhy: String?
    var wasEverHeard = false
    /// When the last entry came: monotonic nanoseconds.
    var lastEntry: Int64 = 0
  }

  private let edge: EdgeResponder
  private let log: FleetLog
  private let state = Mutex(State())

  /// - Parameter log: is told what an operator should know.
  public init(_ edge: EdgeResponder, log: FleetLog) {
    self.edge = edge
    self.log = log
    state.withLock { state in
      state.deafSince = edge.clock.monotonicNanoseconds()
      state.lastEntry = edge.clock.monotonicNanoseconds()
    }
  }

  /// How long the stream has not been heard, in milliseconds, and why; nil while it is.
  public var deafness: (milliseconds: Int64, why: String)? {
    let now = edge.clock.monotonicNanoseconds()
    return state.withLock { state in
      state.deafSince.map { ((now - $0) / 1_000_000, state.why ?? "it has not been heard yet") }
    }
  }

  /// How long no origin has been heard, in milliseconds: each sends something every second.
  public var silenceMilliseconds: Int64 {
    let now = edge.clock.monotonicNanoseconds()
    return state.withLock { (now - $0.lastEntry) / 1_000_000 }
  }

  public func isHeard(_ isHeard: Bool, why: String?) {
    let now = edge.clock.monotonicNanoseconds()
    let isAgain = state.withLock { state -> Bool? in
      if isHeard {
        guard state.deafSince != nil else { return nil }
        (state.deafSince, state.toldWhy) = (nil, nil)
        edge.isListening(true, isAgain: state.wasEverHeard)
        defer { state.wasEverHeard = true }
        return state.wasEverHeard
      }
      state.why = why
      if state.deafSince == nil {
        state.deafSince = now
        edge.isListening(false, isAgain: true)
      }
      // Another reason is worth a line of its own: a password that is wrong, after a connection that was closed.
      guard state.toldWhy != why ?? "" else { return nil }
      state.toldWhy = why ?? ""
      return false
    }
    guard let isAgain else { return }
    if !isHeard {
      log.warning("the stream of updates cannot be heard: \(why ?? "no reason known")")
    } else if isAgain {
      log.info("the stream of updates is heard again")
    }
  }

  public func begins(after newest: [UInt8]?) {
    let entry = newest.flatMap { readEntry($0) }
    state.withLock { $0.position.begin(after: entry) }
    // It was fetched while nobody listened.
    edge.forgetAll()
  }

  public func receive(_ entries: [[UInt8]]) {
    let now = edge.clock.monotonicNanoseconds()
    state.withLock { $0.lastEntry = now }
    for octets in entries {
      edge.counters.updates.add(1)
      guard let entry = readEntry(octets) else {
        missed("an entry of it was damaged, or of no origin")
        continue
      }
      switch state.withLock({ $0.position.read(entry) }) {
      case .ignored: continue
      case .gap: missed("entries of it were lost before number \(entry.number)")
      case .next: break
      }
      apply(entry.news)
    }
  }

  private func readEntry(_ octets: [UInt8]) -> UpdateEntry? {
    UpdateEntry(octets, hasher: edge.hasher).flatMap { $0.token.isPlausible(at: edge.clock.now()) ? $0 : nil }
  }

  private func missed(_ what: String) {
    edge.counters.gaps.add(1)
    log.warning("the stream of updates has a gap, and what was in memory is fetched anew: \(what)")
    edge.forgetAll()
  }

  private func apply(_ news: UpdateEntry.News) {
    switch news {
    case .changed(let changes): for change in changes { apply(change) }
    case .renewed(let renewals):
      for renewal in renewals {
        guard let (key, _) = edge.directory.key(renewal.key), !edge.fetchIfWanted(key), let held = edge.cache.peek(key),
          held.revision < renewal.revision || held.times.producedAt < renewal.producedAt
        else { continue }
        if held.revision < renewal.revision { edge.fence(key, renewal.key, renewal.revision) }
        edge.renew(key)
      }
    case .unissued(let keys):
      for shared in keys {
        guard let (key, _) = edge.directory.key(shared) else { continue }
        edge.isUnissued(key)
      }
    }
  }

  private func apply(_ change: UpdateEntry.Change) {
    guard let (key, issuer) = edge.directory.key(change.key) else { return }
    edge.fence(key, change.key, change.revision)
    defer { _ = edge.fetchIfWanted(key) }
    guard !change.frame.isEmpty, let (answer, _) = edge.checked(change.frame, key, change.key, issuer) else { return }
    edge.take(answer)
  }
}
