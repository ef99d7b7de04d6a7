import HTTPClient
import OCSP
import Responder

/// A request to a cache, or through it, and the certificates that it is for.
struct LaneCall {
  var request: HTTPClient.Request
  var keys: [PurgeLine.Key]
  /// What is expected, where it is a check.
  var check: (expected: AnswerBuilder.Statement?, serial: SerialNumber)?
}

/// Requests that wait for a connection: the first purge of a certificate before all checks, retries and repetitions, since
/// until then caches say what is not true. Pure; its owner bounds it by the certificates that it takes.
struct CallQueue {
  private var urgent: [LaneCall] = []
  private var others: [LaneCall] = []
  private var firstUrgent = 0
  private var firstOther = 0

  var count: Int { urgent.count - firstUrgent + others.count - firstOther }

  mutating func append(_ call: LaneCall, isUrgent: Bool) {
    if isUrgent { urgent.append(call) } else { others.append(call) }
  }

  mutating func popFirst() -> LaneCall? {
    CallQueue.pop(&urgent, &firstUrgent) ?? CallQueue.pop(&others, &firstOther)
  }

  private static func pop(_ calls: inout [LaneCall], _ first: inout Int) -> LaneCall? {
    guard first < calls.count else { return nil }
    defer {
      first += 1
      if first == calls.count {
        calls.removeAll(keepingCapacity: true)
        first = 0
      }
    }
    return calls[first]
  }

  /// All that waited, which never begins now.
  mutating func removeAll() -> [LaneCall] {
    var all: [LaneCall] = []
    while let call = popFirst() { all.append(call) }
    return all
  }
}
