import OCSP
import Responder
import TestSupport
import Testing

@Suite("Pending questions")
struct PendingQuestionsTests {
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
    let isOpen = pending.isOpen(id)
    #expect(!isOpen)
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
