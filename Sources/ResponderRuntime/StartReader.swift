import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization

/// Reads what the store has of issuers when the responder starts: which serials were issued, and the answers that were
/// signed. Several threads share the work: whoever has a stretch of serials gives half of it to one that has none.
final class StartReader: Sendable {
  /// What became of one issuer.
  struct Outcome: Sendable {
    var certificates: UInt64 = 0
    /// Whether something is not in memory that should be, or is and should be replaced.
    var isIncomplete = false
    var error: StoreError?
  }

  private struct Stretch: Sendable {
    var issuer: Issuer
    var hashAlgorithm: HashAlgorithm
    /// Whether the serials are learnt from it: from the first of an issuer's algorithms.
    var isLearnt: Bool
    var range = SerialRange.all
  }

  private struct State {
    var stretches: [Stretch]
    /// Readers that have a stretch.
    var busy = 0
    var outcomes: [IssuerIndex: Outcome] = [:]
  }

  private static let pageSize = 8192
  private let runtime: ResponderRuntime
  private let state: Mutex<State>
  /// Grows where a reader that waits should look again.
  private let news = GrowingValue()

  init(_ runtime: ResponderRuntime, _ issuers: [Issuer]) {
    self.runtime = runtime
    let stretches = issuers.flatMap { issuer in
      issuer.policy.presignedAlgorithms.enumerated().map { place, algorithm in
        Stretch(issuer: issuer, hashAlgorithm: algorithm, isLearnt: place == 0)
      }
    }
    state = Mutex(State(stretches: stretches.reversed()))
  }

  /// Reads everything, and returns once it is read or the runtime stops.
  ///
  /// - Parameter session: of the calling thread, which reads too.
  func run(_ session: any StatusStoreSession, threads: Int) -> [IssuerIndex: Outcome] {
    var helpers: [NamedThread] = []
    for number in 1..<max(1, threads) {
      helpers.append(
        NamedThread(name: "read-\(number)") { [self] in
          // Without a session of its own it leaves the work to the others.
          guard let session = try? runtime.store.openSession() else { return }
          work(session)
        })
    }
    work(session)
    for helper in helpers { helper.join() }
    return state.withLock { $0.outcomes }
  }

  private func work(_ session: any StatusStoreSession) {
    let forms = StoredForms(runtime.cache)
    while !runtime.isStopping {
      let seen = news.current
      let (stretch, isOver) = state.withLock { state -> (Stretch?, Bool) in
        guard let stretch = state.stretches.popLast() else { return (nil, state.busy == 0) }
        state.busy += 1
        return (stretch, false)
      }
      guard let stretch else {
        if isOver { return }
        // The other readers tell when they have something to give, or are done.
        _ = news.wait(for: seen + 1, milliseconds: 100)
        continue
      }
      read(stretch, session, forms)
      state.withLock { $0.busy -= 1 }
      tell()
    }
  }

  private func tell() { news.raise(to: news.current + 1) }

  private func read(_ whole: Stretch, _ session: any StatusStoreSession, _ forms: StoredForms) {
    var stretch = whole
    while !runtime.isStopping {
      var page = StartPage(stretch.issuer, stretch.hashAlgorithm, isLearnt: stretch.isLearnt, runtime, forms)
      do throws(StoreError) {
        // Before the page is read: what changes in between is then seen to be newer.
        page.asOf = try session.latestRevision()
        let end = try session.readStored(
          issuer: stretch.issuer.storeID, hashAlgorithm: stretch.hashAlgorithm, in: stretch.range,
          limit: StartReader.pageSize
        ) { row, signature in page.take(row, signature) }
        note(page, stretch)
        guard !end.isLast, let last = end.last else { return }
        stretch.range.after = last.octets
        share(&stretch)
      } catch {
        state.withLock { state in
          state.outcomes[stretch.issuer.index, default: Outcome()].error = error
          state.stretches.removeAll { $0.issuer.index == stretch.issuer.index }
        }
        return
      }
    }
  }

  private func note(_ page: StartPage, _ stretch: Stretch) {
    runtime.counters.loaded.add(page.loaded)
    state.withLock { state in
      if stretch.isLearnt { state.outcomes[stretch.issuer.index, default: Outcome()].certificates += page.certificates }
      if page.isIncomplete { state.outcomes[stretch.issuer.index, default: Outcome()].isIncomplete = true }
    }
  }

  /// Leaves the second half of what is left on the list, where nothing else is. Halves of what serials are possible
  /// and not of those that there are: one that is empty costs a look.
  private func share(_ stretch: inout Stretch) {
    guard runtime.limits.loadingThreads > 1 else { return }
    let (after, through) = (StartReader.number(stretch.range.after, 0), StartReader.number(stretch.range.through, .max))
    guard through > after, through - after > 1 else { return }
    let middle = StartReader.octets(after + (through - after) / 2)
    var half = stretch
    half.range.after = middle
    let isGiven = state.withLock { state -> Bool in
      guard state.stretches.isEmpty else { return false }
      state.stretches.append(half)
      return true
    }
    guard isGiven else { return }
    stretch.range.through = middle
    tell()
  }

  /// The first eight octets as a number.
  private static func number(_ octets: [UInt8]?, _ missing: UInt64) -> UInt64 {
    guard let octets, !octets.isEmpty else { return missing }
    return (0..<8).reduce(0) { $0 << 8 | UInt64($1 < octets.count ? octets[$1] : 0) }
  }

  private static func octets(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
  }
}
