import RedisClient
import Responder
import Synchronization

/// Reads the stream of updates, one command after another, and tells a receiver what comes.
///
/// Between two waits it looks where the stream ends: a new master that has lost entries, or a server that was emptied and
/// whose clock is behind, would else keep it waiting for ever. The numbers in the entries tell the receiver of the gap.
final class StreamReader: Sendable {
  private enum Step {
    /// Nothing is known yet.
    case findingEnd
    case waiting
    case checkingEnd
  }

  private struct State {
    var step = Step.findingEnd
    var last = ID.zero
    var isFirst = true
  }

  /// `milliseconds-sequence`.
  struct ID: Comparable, CustomStringConvertible {
    static let zero = ID(milliseconds: 0, sequence: 0)
    var milliseconds: UInt64
    var sequence: UInt64

    init(milliseconds: UInt64, sequence: UInt64) {
      self.milliseconds = milliseconds
      self.sequence = sequence
    }

    init?(_ text: String) {
      let parts = text.split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 2, let milliseconds = UInt64(parts[0]), let sequence = UInt64(parts[1]) else { return nil }
      self.init(milliseconds: milliseconds, sequence: sequence)
    }

    static func < (left: ID, right: ID) -> Bool {
      (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }

    var description: String { "\(milliseconds)-\(sequence)" }
  }

  private let stream: String
  private let receiver: any UpdateReceiver
  private let blockMilliseconds: Int
  private let atOnce: Int
  private let state = Mutex(State())

  init(_ stream: String, _ receiver: any UpdateReceiver, blockMilliseconds: Int, atOnce: Int) {
    self.stream = stream
    self.receiver = receiver
    self.blockMilliseconds = blockMilliseconds
    self.atOnce = atOnce
  }

  /// The newest entry of a stream.
  static func newest(_ stream: String) -> RedisCommand {
    RedisCommand("XREVRANGE", stream, "+", "-", "COUNT", "1", keyAt: 1)
  }

  /// The entries of a reply of XREVRANGE, or of one stream in that of XREAD, with their octets; empty for none where an
  /// entry has not got the one field that it should have.
  static func entries(_ value: RedisValue) -> [(id: ID, octets: [UInt8])] {
    (value.elements ?? []).compactMap { entry in
      guard let parts = entry.elements, parts.count == 2, let id = parts[0].text.flatMap({ ID($0) }) else { return nil }
      return (id, parts[1].elements?.last?.octets ?? [])
    }
  }

  /// Takes the last reply, and says what to ask next. On the client's thread.
  func next(_ result: Result<RedisValue, RedisFailure>?) -> RedisListenerCommand? {
    switch result {
    case nil: break
    case .failure(let failure)?:
      if case .stopped = failure.reason { return nil }
      receiver.isHeard(false, why: failure.description)
      // What was lost on the way shows at the end of the stream.
      state.withLock { if $0.step == .waiting { $0.step = .checkingEnd } }
    case .success(let value)?: take(value)
    }
    return command()
  }

  private func take(_ value: RedisValue) {
    switch state.withLock({ $0.step }) {
    case .findingEnd:
      let newest = StreamReader.entries(value).last
      state.withLock { state in
        state.last = newest?.id ?? .zero
        state.step = .waiting
      }
      receiver.begins(after: newest?.octets)
      receiver.isHeard(true, why: nil)
    case .checkingEnd:
      let newest = StreamReader.entries(value).last?.id ?? .zero
      state.withLock { state in
        // Behind what was read: it goes on from there, and the next number tells what is missing.
        if newest < state.last { state.last = newest }
        state.step = .waiting
      }
    case .waiting:
      let entries = (value.elements ?? []).flatMap { StreamReader.entries($0.elements?.last ?? .null) }
      state.withLock { state in
        if let last = entries.last { state.last = last.id } else { state.step = .checkingEnd }
      }
      if !entries.isEmpty { receiver.receive(entries.map(\.octets)) }
      // Not before all that was missed has been told.
      if entries.count < atOnce { receiver.isHeard(true, why: nil) }
    }
  }

  private func command() -> RedisListenerCommand {
    let (step, last) = state.withLock { ($0.step, $0.last) }
    guard step == .waiting else {
      return RedisListenerCommand(StreamReader.newest(stream), answerWithinMilliseconds: 500)
    }
    let command = RedisCommand(
      "XREAD", "COUNT", "\(atOnce)", "BLOCK", "\(blockMilliseconds)", "STREAMS", stream, "\(last)", keyAt: 6)
    return RedisListenerCommand(command, answerWithinMilliseconds: blockMilliseconds + 500)
  }
}
