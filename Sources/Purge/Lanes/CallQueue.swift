import HTTPClient
import OCSP
import Responder

/// A request to a cache, or through it, and the certificates that it is for.
struct LaneCall: Sendable {
  var request: HTTPClient.Request
  var keys: [PurgeLine.Key]
  /// What is expected, where it is a check.
  var check: Check?
  /// Whether caches say what is not true until it has ended: the first purge of a certificate.
  var isUrgent = false

  struct Check: Sendable {
    var issuer: Issuer
    var expected: AnswerBuilder.Statement?
    var serial: SerialNumber
  }
}

/// Requests that wait for a connection. Pure; its owner bounds it by the certificates that it takes.
///
/// First purges may have all connections. Checks, and retries and repetitions, have half of them between them, so that a first
/// one finds a connection at once, and a path for checks that hangs leaves some to purges. Checks come first: what is begun
/// ends before the next begins. Retries and repetitions get every fourth place, so that a long line of new ones does not keep
/// them waiting for hours.
struct CallQueue: Sendable {
  private static let placesForOthers = 4
  private var checks = Row()
  private var urgent = Row()
  private var others = Row()
  private var taken = 0
  private var checksUnderWay = 0
  private var othersUnderWay = 0
  /// Of checks and others together.
  private let maximumOthers: Int

  /// - Parameter connections: requests that may be under way at once.
  init(connections: Int) {
    maximumOthers = max(1, connections / 2)
  }

  /// Checks that wait or are under way.
  var checkCount: Int { checks.count + checksUnderWay }
  var count: Int { checks.count + urgent.count + others.count }

  mutating func append(_ call: LaneCall) {
    if call.check != nil {
      checks.append(call)
    } else if call.isUrgent {
      urgent.append(call)
    } else {
      others.append(call)
    }
  }

  /// It comes next: it was begun, and could not be ended.
  mutating func putBack(_ call: LaneCall) {
    if call.isUrgent { urgent.putBack(call) } else { others.putBack(call) }
  }

  /// The next to begin; nil where none may.
  ///
  /// - Parameter isPaused: whether the cache takes no purges at present; checks do not ask it for any.
  mutating func popFirst(isPaused: Bool) -> LaneCall? {
    let hasRoomForOthers = checksUnderWay + othersUnderWay < maximumOthers
    if hasRoomForOthers, let check = checks.popFirst() {
      checksUnderWay += 1
      return check
    }
    guard !isPaused else { return nil }
    taken += 1
    let isTurnOfOthers = taken.isMultiple(of: CallQueue.placesForOthers)
    if !(isTurnOfOthers && hasRoomForOthers && others.count > 0), let call = urgent.popFirst() { return call }
    guard hasRoomForOthers, let call = others.popFirst() else { return nil }
    othersUnderWay += 1
    return call
  }

  mutating func ended(_ call: LaneCall) {
    if call.check != nil { checksUnderWay -= 1 } else if !call.isUrgent { othersUnderWay -= 1 }
  }

  /// Takes the purges out that are not to be kept, which never begin now.
  mutating func removePurges(where isRemoved: (LaneCall) -> Bool) -> [LaneCall] {
    urgent.remove(where: isRemoved) + others.remove(where: isRemoved)
  }

  /// First in, first out.
  private struct Row: Sendable {
    private var calls: [LaneCall] = []
    private var first = 0

    var count: Int { calls.count - first }

    mutating func append(_ call: LaneCall) { calls.append(call) }

    mutating func putBack(_ call: LaneCall) {
      guard first > 0 else { return calls.insert(call, at: 0) }
      first -= 1
      calls[first] = call
    }

    mutating func popFirst() -> LaneCall? {
      guard first < calls.count else { return nil }
      let call = calls[first]
      first += 1
      if first == calls.count {
        calls.removeAll(keepingCapacity: true)
        first = 0
      }
      return call
    }

    mutating func remove(where isRemoved: (LaneCall) -> Bool) -> [LaneCall] {
      let all = calls[first...]
      calls = all.filter { !isRemoved($0) }
      first = 0
      return all.filter(isRemoved)
    }
  }
}
