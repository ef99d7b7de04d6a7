import EventLoop
import RedisClient
import Synchronization

/// Entries that were read and not settled, by this consumer or another one.
extension StreamSubscriber {
  enum Recovery {
    /// There is nothing left to claim.
    case nothing
    /// There may be.
    case more
    /// Redis does not answer.
    case failed
  }

  /// Claims what nobody has settled for a while, whosever it was: other consumers of the group are dead ones, since there is but
  /// one origin.
  func recover(idle: Int64) -> Recovery {
    // Their replies have ended the connection: now there is another one.
    for place in state.withLock({ $0.tooLong }) { putAway(place, [], "the entry is longer than can be read") }
    var from = "-"
    for _ in 0..<StreamSubscriber.pagesAtOnce {
      let pending = ask([
        "XPENDING", options.stream, options.group, "IDLE", "\(idle)", from, "+", "\(StreamSubscriber.entriesAtOnce)",
      ])
      guard case .success(let value) = pending else { return told(pending) }
      let rows = (value.elements ?? []).compactMap { PendingEntry($0) }
      for row in rows {
        if let failure = claim(row, idle: idle) { return told(.failure(failure)) }
      }
      guard rows.count == StreamSubscriber.entriesAtOnce, let last = rows.last else { return .nothing }
      // What stays pending at the front keeps nobody behind it waiting.
      from = "(" + last.place
    }
    return .more
  }

  /// Nil where it was claimed, or needs not be.
  private func claim(_ pending: PendingEntry, idle: Int64) -> RedisFailure? {
    let isHere = state.withLock { state in
      state.underWay.contains(pending.place) || state.tooLong.contains(pending.place)
        || state.inbox.contains { $0.place == pending.place }
    }
    guard !isHere else { return nil }
    // One by one: some together may be a longer reply than the client takes.
    switch ask(["XCLAIM", options.stream, options.group, options.consumer, "\(idle)", pending.place]) {
    case .success(let value):
      for entry in StreamEntry.read(value, isOfStreams: false) {
        counters.claimed.add()
        submit(entry, deliveries: pending.deliveries + 1)
      }
      return nil
    case .failure(let failure):
      if failure.isTooLong {
        state.withLock { if $0.tooLong.count < StreamSubscriber.entriesAtOnce { $0.tooLong.append(pending.place) } }
      }
      return failure
    }
  }

  private func told(_ result: Result<RedisValue, RedisFailure>) -> Recovery {
    guard case .failure(let failure) = result else { return .failed }
    if case .serverError(let text) = failure.reason, text.hasPrefix("NOGROUP") {
      // It has gone with everything else, and what was pending with it.
      state.withLock { $0.hasGroup = false }
      return .nothing
    }
    fail(failure.description)
    return .failed
  }

  /// Puts an entry into the stream of the dead.
  func putAway(_ place: String, _ fields: [[UInt8]], _ why: String) {
    let words =
      ["XADD", options.deadStream, "MAXLEN", "~", "\(options.deadLength)", "*", "reason", why, "entry", place].map {
        Array($0.utf8)
      } + fields
    // First there, then gone from here: in between it may be in both places, never in none.
    client.perform(
      RedisCommand(words: words, key: Array(options.deadStream.utf8)),
      deadlineMilliseconds: StreamSubscriber.commandMilliseconds
    ) { [self] result in
      if case .failure(let failure) = result {
        return failSettling("the entry \(place) cannot be put into '\(options.deadStream)': \(failure)")
      }
      counters.dead.add()
      state.withLock { state in state.tooLong.removeAll { $0 == place } }
      log("the entry \(place) of the stream '\(options.stream)' was put into '\(options.deadStream)': \(why)")
      acknowledge(place)
    }
  }

  /// Waits for the reply.
  private func ask(_ words: [String]) -> Result<RedisValue, RedisFailure> {
    let held = HeldReply()
    let command = RedisCommand(words: words.map { Array($0.utf8) }, key: Array(options.stream.utf8))
    client.perform(command, deadlineMilliseconds: StreamSubscriber.commandMilliseconds) { result in
      held.reply.withLock { $0 = result }
      held.isThere.raise(to: 1)
    }
    _ = held.isThere.wait(for: 1, milliseconds: Int64(2 * StreamSubscriber.commandMilliseconds))
    return held.reply.withLock { $0 } ?? .failure(RedisFailure(.deadlinePassed, at: nil))
  }
}

/// A row of XPENDING: an entry that was given out and not acknowledged.
private struct PendingEntry {
  var place: String
  var deliveries: Int

  init?(_ row: RedisValue) {
    guard let parts = row.elements, parts.count == 4, let place = parts[0].text, let count = parts[3].integer else {
      return nil
    }
    self.place = place
    deliveries = Int(count)
  }
}

/// What a question and its answer share.
private final class HeldReply: Sendable {
  let reply = Mutex<Result<RedisValue, RedisFailure>?>(nil)
  let isThere = GrowingValue()
}
