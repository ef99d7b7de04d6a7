import EventLoop
import Testing

@testable import RedisClient

@Suite struct BackoffTests {
  @Test func pausesDoubleUpToTheLongest() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<100 {
      var backoff = Backoff(firstMilliseconds: 50, longestMilliseconds: 5000)
      for full in [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        let pause = backoff.next(using: &generator)
        #expect((full / 2...full).contains(pause))
      }
      backoff.reset()
      let first = backoff.next(using: &generator)
      #expect((25...50).contains(first))
    }
  }

  @Test func neverOverflows() {
    var backoff = Backoff(firstMilliseconds: .max, longestMilliseconds: 1)
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<100 {
      let pause = backoff.next(using: &generator)
      #expect(pause > 0)
    }
  }
}

@Suite struct NodeBreakerTests {
  @Test func itOpensAfterSoManyDeadlinesInARow() {
    var breaker = NodeBreaker(deadlinesInARow: 3)
    var opens = [breaker.deadlinePassed(), breaker.deadlinePassed()]
    breaker.answered()
    opens += [breaker.deadlinePassed(), breaker.deadlinePassed()]
    #expect(!breaker.isOpen)
    opens.append(breaker.deadlinePassed())
    #expect(breaker.isOpen)
    // Once told is enough.
    opens.append(breaker.deadlinePassed())
    #expect(opens == [false, false, false, false, true, false])
  }

  @Test func onlyAPingClosesIt() {
    var breaker = NodeBreaker(deadlinesInARow: 1)
    breaker.failed(why: "gone")
    breaker.answered()
    #expect(breaker.state == .open(why: "gone"))
    breaker.pingSucceeded()
    #expect(!breaker.isOpen)
  }
}

@Suite struct QueueAndHeapTests {
  @Test func aQueueKeepsTheOrder() {
    var queue = Queue<Int>()
    var taken: [Int] = []
    var next = 0
    for round in 0..<200 {
      for _ in 0...(round % 7) {
        queue.append(next)
        next += 1
      }
      for _ in 0..<(round % 5) { if let first = queue.popFirst() { taken.append(first) } }
    }
    taken += queue.takeAll()
    #expect(taken == Array(0..<next))
    #expect(queue.isEmpty)
    #expect(queue.first == nil)
  }

  @Test func aHeapGivesTheEarliestFirst() {
    var heap = DeadlineHeap<Int>()
    var generator = SystemRandomNumberGenerator()
    let times = (0..<3000).map { _ in Int.random(in: 0..<1000, using: &generator) }
    for time in times { heap.insert(time, at: MonotonicTime(nanoseconds: Int64(time))) }
    heap.compact(unsettled: 10) { $0 % 2 == 1 }
    var taken: [Int] = []
    while let element = heap.popDue(MonotonicTime(nanoseconds: 899)) { taken.append(element) }
    #expect(taken == times.filter { $0 < 900 && $0 % 2 == 0 }.sorted())
    #expect(heap.first.map { $0.nanoseconds >= 900 } ?? true)
  }
}
