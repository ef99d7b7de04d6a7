import EventLoop

/// What wants a turn at a certain time.
protocol Timed: AnyObject {
  /// May move later by itself; what moves it earlier tells the loop (`remind`).
  var nextTurn: MonotonicTime { get }
  func turn(_ now: MonotonicTime)
}
