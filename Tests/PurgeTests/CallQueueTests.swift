import HTTPClient
import OCSP
import Responder
import TestSupport
import Testing

@testable import Purge

struct CallQueueTests {
  private func call(_ name: String, isUrgent: Bool = false, isCheck: Bool = false) -> LaneCall {
    LaneCall(
      request: HTTPClient.Request(url: name), keys: [],
      check: isCheck ? .init(issuer: Sample.issuer(), expected: nil, serial: Sample.serial(1)) : nil,
      isUrgent: isUrgent)
  }

  private func taken(_ queue: inout CallQueue, isPaused: Bool = false) -> [String] {
    var names: [String] = []
    while let call = queue.popFirst(isPaused: isPaused) { names.append(call.request.url) }
    return names
  }

  @Test("first purges have all connections; checks and others half of them, checks before others")
  func order() {
    var queue = CallQueue(connections: 4)
    for number in 1...3 { queue.append(call("check \(number)", isCheck: true)) }
    for number in 1...3 { queue.append(call("other \(number)")) }
    for number in 1...3 { queue.append(call("first \(number)", isUrgent: true)) }
    #expect(taken(&queue) == ["check 1", "check 2", "first 1", "first 2", "first 3"])
    queue.ended(call("check 1", isCheck: true))
    #expect(taken(&queue) == ["check 3"])
    queue.ended(call("check 2", isCheck: true))
    #expect(taken(&queue) == ["other 1"])
    queue.ended(call("other 1"))
    queue.ended(call("check 3", isCheck: true))
    #expect(taken(&queue) == ["other 2", "other 3"])
    #expect(queue.count == 0)
  }

  @Test("a long line of first purges leaves every fourth place to others")
  func turns() {
    var queue = CallQueue(connections: 1)
    for number in 1...2 { queue.append(call("other \(number)")) }
    for number in 1...6 { queue.append(call("first \(number)", isUrgent: true)) }
    var names: [String] = []
    while let call = queue.popFirst(isPaused: false) {
      names.append(call.request.url)
      queue.ended(call)
    }
    #expect(
      names == ["first 1", "first 2", "first 3", "other 1", "first 4", "first 5", "first 6", "other 2"])
  }

  @Test("while the cache takes nothing only checks are made")
  func pause() {
    var queue = CallQueue(connections: 1)
    queue.append(call("first", isUrgent: true))
    queue.append(call("check", isCheck: true))
    #expect(taken(&queue, isPaused: true) == ["check"])
    #expect(queue.count == 1)
  }

  @Test("what is put back is next, and what is removed does not come")
  func putBack() {
    var queue = CallQueue(connections: 2)
    for number in 1...3 { queue.append(call("\(number)", isUrgent: true)) }
    let first = queue.popFirst(isPaused: false)
    queue.putBack(first ?? call("none"))
    #expect(queue.removePurges { $0.request.url == "2" }.map(\.request.url) == ["2"])
    #expect(taken(&queue) == ["1", "3"])
  }
}
