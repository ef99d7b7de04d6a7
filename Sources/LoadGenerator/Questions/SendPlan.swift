/// When the requests of an open loop are sent: at even distances, whatever became of earlier ones. Arithmetic alone, so that
/// nothing is stored of those that have to wait.
///
/// Times are nanoseconds since the begin of the run. Requests are numbered from 0 for the whole run; each thread sends every
/// so many, so that the threads together keep the rate, each a little after the other.
struct SendPlan: Sendable, Hashable {
  let requestsPerSecond: Double
  /// Requests that the plan has in all, for all threads.
  let count: UInt64

  /// - Parameter nanoseconds: the length of the run.
  init(requestsPerSecond: Double, nanoseconds: Int64) {
    precondition(requestsPerSecond > 0 && nanoseconds >= 0)
    self.requestsPerSecond = requestsPerSecond
    let exact = requestsPerSecond * Double(nanoseconds) / 1e9
    // The first is sent at 0; one that falls on the end, or as near as numbers tell, is none any more.
    count = nanoseconds > 0 ? UInt64(max(1, (exact - 1e-6).rounded(.up))) : 0
  }

  /// The planned time of a request.
  func time(_ number: UInt64) -> Int64 {
    Int64(Double(number) * 1e9 / requestsPerSecond)
  }

  /// How many requests of the whole plan come before a time.
  func count(before nanoseconds: Int64) -> UInt64 {
    guard nanoseconds > 0 else { return 0 }
    var number = min(count, UInt64(Double(nanoseconds) * requestsPerSecond / 1e9))
    // The product may be off by one in its last place.
    while number < count, time(number) < nanoseconds { number += 1 }
    while number > 0, time(number - 1) >= nanoseconds { number -= 1 }
    return number
  }

  /// How many of the first `total` requests a thread has: those whose number leaves `thread` when divided by `threads`.
  static func share(of total: UInt64, thread: Int, threads: Int) -> UInt64 {
    let (whole, rest) = total.quotientAndRemainder(dividingBy: UInt64(threads))
    return whole + (UInt64(thread) < rest ? 1 : 0)
  }
}
