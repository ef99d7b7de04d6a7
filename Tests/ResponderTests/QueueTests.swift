import OCSP
import Responder
import TestSupport
import Testing

@Suite("Signing queue and pending questions")
struct QueueTests {
  @Test("revocations go before misses and misses before refreshes, each in its order; every lane is bounded")
  func lanes() {
    var queue = SigningQueue<String>(revocationLimit: 2, missLimit: 3, refreshLimit: 1)
    var isTaken: Bool
    isTaken = queue.push("refresh", lane: .refresh)
    #expect(isTaken)
    isTaken = queue.push("refresh too many", lane: .refresh)
    #expect(!isTaken)
    isTaken = queue.push("miss 1", lane: .miss)
    #expect(isTaken)
    isTaken = queue.push("revocation 1", lane: .revocation)
    #expect(isTaken)
    isTaken = queue.push("miss 2", lane: .miss)
    #expect(isTaken)
    isTaken = queue.push("revocation 2", lane: .revocation)
    #expect(isTaken)
    isTaken = queue.push("revocation 3", lane: .revocation)
    #expect(!isTaken)
    #expect(queue.refusals == 2)
    var order: [String] = []
    while let job = queue.pop() { order.append(job) }
    #expect(order == ["revocation 1", "revocation 2", "miss 1", "miss 2", "refresh"])
    #expect(queue.isEmpty)
  }

  @Test("a long run of pushes and pops keeps the order")
  func ring() {
    var queue = SigningQueue<Int>(revocationLimit: 1, missLimit: 100, refreshLimit: 1)
    var (pushed, popped) = (0, 0)
    var random = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      if Bool.random(using: &random) {
        let isTaken = queue.push(pushed, lane: .miss)
        #expect(isTaken == (pushed - popped < 100))
        if isTaken { pushed += 1 }
      } else if let job = queue.pop() {
        #expect(job == popped)
        popped += 1
      } else {
        #expect(pushed == popped)
      }
    }
  }

  private func key(_ number: Int) -> ResponseKey {
    ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: .sha1, serial: Sample.serial(number))
  }

  @Test("equal questions share one entry until it is taken")
  func coalescing() throws {
    var pending = PendingQuestions<Int>(maximumEntries: 10, maximumWaiters: 100)
    var taken: [Int]
    guard case .first(let id) = pending.admit(key: key(1), waiter: 1, deadline: 100) else {
      Issue.record("not the first")
      return
    }
    for waiter in 2...5 {
      guard case .joined = pending.admit(key: key(1), waiter: waiter, deadline: 100) else {
        Issue.record("not joined")
        return
      }
    }
    taken = pending.take(id)
    #expect(taken == [1, 2, 3, 4, 5])
    taken = pending.take(id)
    #expect(taken == [])
    guard case .first = pending.admit(key: key(1), waiter: 6, deadline: 100) else {
      Issue.record("a question after the answer was published must start anew")
      return
    }
  }

  @Test("invariant 7: entries and waiters are bounded, and those past their deadline are given back")
  func bounds() {
    var pending = PendingQuestions<Int>(maximumEntries: 2, maximumWaiters: 3)
    var taken: [Int]
    _ = pending.admit(key: key(1), waiter: 1, deadline: 10)
    _ = pending.admit(key: nil, waiter: 2, deadline: 20)
    guard case .refused = pending.admit(key: key(3), waiter: 3, deadline: 10) else {
      Issue.record("a third entry was taken")
      return
    }
    _ = pending.admit(key: key(1), waiter: 3, deadline: 10)
    guard case .refused = pending.admit(key: key(1), waiter: 4, deadline: 10) else {
      Issue.record("a fourth waiter was taken")
      return
    }
    taken = pending.takeOverdue(now: 9)
    #expect(taken == [])
    taken = pending.takeOverdue(now: 10)
    #expect(taken == [1, 3])
    taken = pending.takeOverdue(now: 20)
    #expect(taken == [2])
    #expect(pending.count == 0)
  }
}
