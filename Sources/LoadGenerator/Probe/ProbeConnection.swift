import EventLoop
import Glibc

/// A connection on which one question is asked at a time, by a thread that waits for the answer. Made anew where the server
/// has closed it.
///
/// Used by one thread at a time.
final class ProbeConnection {
  private let place: SocketPlace
  private var descriptor: Int32 = -1
  private var input: [UInt8] = []
  private var hasAnswerBegun = false
  private var chunk = [UInt8](repeating: 0, count: 16 << 10)
  private var decoded: [UInt8] = []

  struct Answer {
    var status: Int
    var body: [UInt8]
    /// When its last octet was read, on the monotonic clock.
    var time: Int64
  }

  /// Why there is no answer.
  struct Failure: Error {
    var description: String
  }

  init(to place: SocketPlace) {
    self.place = place
  }

  deinit {
    close()
  }

  /// - Parameters:
  ///   - request: whole, for a connection that stays.
  ///   - deadline: on the monotonic clock, in nanoseconds.
  func exchange(_ request: [UInt8], deadline: Int64) throws(Failure) -> Answer {
    let isKept = descriptor >= 0
    do throws(Failure) {
      return try exchangeOnce(request, deadline)
    } catch {
      // A connection that was idle for too long ends without an answer, which says nothing of the request. What is asked and
      // told here may be said twice.
      guard isKept, !hasAnswerBegun, MonotonicTime.now().nanoseconds < deadline else { throw error }
    }
    return try exchangeOnce(request, deadline)
  }

  private func exchangeOnce(_ request: [UInt8], _ deadline: Int64) throws(Failure) -> Answer {
    hasAnswerBegun = false
    do throws(Failure) {
      if descriptor < 0 { try connect(deadline) }
      try send(request, deadline)
      return try receive(deadline)
    } catch {
      close()
      throw error
    }
  }

  private func close() {
    if descriptor >= 0 { Linux.close(descriptor) }
    descriptor = -1
    input.removeAll(keepingCapacity: true)
  }

  private func connect(_ deadline: Int64) throws(Failure) {
    let made = place.connect()
    guard made >= 0 else { throw Failure(description: "no connection: \(Linux.errorText(-made))") }
    descriptor = made
    try wait(POLLOUT, deadline)
    let code = SocketPlace.connectError(made)
    guard code == 0 else { throw Failure(description: "no connection: \(Linux.errorText(code))") }
  }

  private func wait(_ event: Int32, _ deadline: Int64) throws(Failure) {
    let milliseconds = (deadline - MonotonicTime.now().nanoseconds + 999_999) / 1_000_000
    guard milliseconds > 0 else { throw Failure(description: "no answer in time") }
    var wanted = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    let count = unsafe poll(&wanted, 1, Int32(clamping: milliseconds))
    guard count > 0 || (count < 0 && errno == EINTR) else { throw Failure(description: "no answer in time") }
  }

  private func send(_ request: [UInt8], _ deadline: Int64) throws(Failure) {
    var sent = 0
    while sent < request.count {
      let outcome = unsafe request.withUnsafeBytes {
        unsafe Linux.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[sent...]))
      }
      switch outcome {
      case .bytes(let count): sent += count
      case .wouldBlock: try wait(POLLOUT, deadline)
      case .end: throw Failure(description: "the connection was closed")
      case .failed(let code): throw Failure(description: Linux.errorText(code))
      }
    }
  }

  private func receive(_ deadline: Int64) throws(Failure) -> Answer {
    var isAtEnd = false
    while true {
      switch AnswerFrame.next(input.span, isAtEnd: isAtEnd, decoded: &decoded) {
      case .whole(let head, let body, let isDecoded, let count):
        let answer = Answer(
          status: head.status, body: isDecoded ? decoded : Array(input[body]), time: MonotonicTime.now().nanoseconds)
        input.removeFirst(count)
        if isAtEnd || !head.keepsConnection { close() }
        return answer
      case .wrong: throw Failure(description: "this is no HTTP answer")
      case .incomplete where isAtEnd: throw Failure(description: "the connection was closed before the answer")
      case .incomplete: break
      }
      try wait(POLLIN, deadline)
      switch unsafe chunk.withUnsafeMutableBytes({ unsafe Linux.receive(descriptor, $0) }) {
      case .bytes(let count):
        input += chunk[..<count]
        hasAnswerBegun = true
      case .end: isAtEnd = true
      case .wouldBlock: break
      case .failed(let code): throw Failure(description: Linux.errorText(code))
      }
    }
  }
}
