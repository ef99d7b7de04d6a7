import EventLoop
import Synchronization
import Testing

@Suite("Growing values")
struct GrowingValueTests {
  @Test("the value only grows")
  func growing() {
    let value = GrowingValue()
    #expect(value.current == 0)
    value.raise(to: 5)
    value.raise(to: 3)
    #expect(value.current == 5)
    #expect(value.wait(for: 5, milliseconds: 0) && value.wait(for: 0, milliseconds: .max))
    #expect(!value.wait(for: 6, milliseconds: 1))
  }

  @Test("every thread that waits for what is reached is woken, and no other")
  func waking() {
    let value = GrowingValue()
    let woken = Mutex<[UInt64]>([])
    let threads = (1...8).map { number in
      NamedThread(name: "waiter-\(number)") {
        if value.wait(for: UInt64(number), milliseconds: 20_000) { woken.withLock { $0.append(UInt64(number)) } }
      }
    }
    value.raise(to: 4)
    for thread in threads.prefix(4) { thread.join() }
    #expect(woken.withLock { $0.sorted() } == [1, 2, 3, 4])
    value.raise(to: 8)
    for thread in threads.suffix(4) { thread.join() }
    #expect(woken.withLock { $0.sorted() } == Array(1...8))
  }

  @Test("closing ends every wait, also for what is reached")
  func closing() {
    let value = GrowingValue()
    let answer = Mutex<Bool?>(nil)
    let thread = NamedThread(name: "waiter") {
      let isReached = value.wait(for: 1, milliseconds: .max)
      answer.withLock { $0 = isReached }
    }
    value.close()
    thread.join()
    #expect(answer.withLock { $0 } == false)
    value.raise(to: 1)
    #expect(!value.wait(for: 1, milliseconds: 0) && value.current == 1)
  }

  @Test("a wait that is not answered takes as long as it was told")
  func patience() {
    let start = MonotonicTime.now()
    #expect(!GrowingValue().wait(for: 1, milliseconds: 30))
    #expect(MonotonicTime.now() >= start.advanced(byMilliseconds: 30))
  }
}
