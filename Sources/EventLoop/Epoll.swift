import CLinux
import Glibc

/// An epoll instance and the events of its last wait. Belongs to one thread, save for `init`.
@safe
public struct Epoll: ~Copyable {
  /// What happened to one descriptor.
  public struct Event: Sendable {
    /// The number it was registered with.
    public var data: UInt64
    public var isReadable: Bool
    public var isWritable: Bool
    /// Broken, or closed in both directions.
    public var isHungUp: Bool
  }

  /// What is waited for; always level-triggered.
  public struct Interest: OptionSet, Sendable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) {
      self.rawValue = rawValue
    }

    public static let read = Interest(rawValue: EPOLLIN.rawValue)
    public static let write = Interest(rawValue: EPOLLOUT.rawValue)
    /// For a descriptor that several instances wait for: wakes one of them (Unix listeners).
    public static let exclusive = Interest(rawValue: EPOLLEXCLUSIVE.rawValue)
  }

  private static let maximumEvents = 256
  private let descriptor: Int32
  private let events: UnsafeMutablePointer<epoll_event>

  public init() throws(SystemCallError) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard descriptor >= 0 else { throw SystemCallError(call: "epoll_create1", code: errno) }
    unsafe events = .allocate(capacity: Epoll.maximumEvents)
  }

  deinit {
    unsafe events.deallocate()
    Linux.close(descriptor)
  }

  public func add(_ other: Int32, _ interest: Interest, data: UInt64) throws(SystemCallError) {
    guard control(EPOLL_CTL_ADD, other, interest, data) else { throw SystemCallError(call: "epoll_ctl", code: errno) }
  }

  public func modify(_ other: Int32, _ interest: Interest, data: UInt64) {
    let isDone = control(EPOLL_CTL_MOD, other, interest, data)
    precondition(isDone, "epoll does not know the descriptor")
  }

  /// Before a descriptor is closed that others may hold too, or that is to rest for a while.
  public func remove(_ other: Int32) {
    _ = control(EPOLL_CTL_DEL, other, [], 0)
  }

  private func control(_ operation: Int32, _ other: Int32, _ interest: Interest, _ data: UInt64) -> Bool {
    var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: data))
    return unsafe epoll_ctl(descriptor, operation, other, &event) == 0
  }

  /// Waits until something happens; gives how many events there are, 0 after `milliseconds`.
  public func wait(milliseconds: Int32) -> Int {
    let count = unsafe avouch_epoll_wait(descriptor, events, Int32(Epoll.maximumEvents), milliseconds)
    return Epoll.checked(count)
  }

  /// The same with a time that is kept to the microsecond, where the thread wakes precisely (`NamedThread.wakePrecisely`).
  public func wait(nanoseconds: Int64) -> Int {
    Epoll.checked(unsafe avouch_epoll_wait_precisely(descriptor, events, Int32(Epoll.maximumEvents), nanoseconds))
  }

  private static func checked(_ count: Int32) -> Int {
    if count >= 0 { return Int(count) }
    precondition(errno == EINTR, "epoll_wait failed")
    return 0
  }

  /// An event of the last wait.
  public subscript(index: Int) -> Event {
    precondition(index >= 0 && index < Epoll.maximumEvents)
    let event = unsafe events[index]
    return unsafe Event(
      data: event.data.u64, isReadable: event.events & EPOLLIN.rawValue != 0,
      isWritable: event.events & EPOLLOUT.rawValue != 0,
      isHungUp: event.events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0)
  }
}

/// A descriptor with which any thread wakes an event loop.
public final class EventCounter: Sendable {
  public let descriptor: Int32

  public init() throws(SystemCallError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard descriptor >= 0 else { throw SystemCallError(call: "eventfd", code: errno) }
  }

  deinit {
    Linux.close(descriptor)
  }

  public func signal() {
    // Full or interrupted: it is readable already, or the next signal comes.
    _ = eventfd_write(descriptor, 1)
  }

  public func clear() {
    var value: eventfd_t = 0
    _ = unsafe eventfd_read(descriptor, &value)
  }
}
