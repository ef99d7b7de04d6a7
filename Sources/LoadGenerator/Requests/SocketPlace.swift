import EventLoop
import Glibc

/// A C socket address, and how to connect to it.
public struct SocketPlace: Sendable, Hashable {
  private let family: Int32
  private let octets: [UInt8]

  init(family: Int32, octets: [UInt8]) {
    self.family = family
    self.octets = octets
  }

  /// Begins to connect. The descriptor does not block; writable, it is connected or has failed. Negative: the errno with a
  /// minus.
  ///
  /// - Parameters: of the system's buffers for what comes in and what goes out; nil for its own choice.
  func connect(receiveBytes: Int32? = nil, sendBytes: Int32? = nil) -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return -errno }
    var one: Int32 = 1
    _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    if let receiveBytes { SocketPlace.setBuffer(descriptor, SO_RCVBUF, receiveBytes) }
    if let sendBytes { SocketPlace.setBuffer(descriptor, SO_SNDBUF, sendBytes) }
    let code = unsafe octets.withUnsafeBytes { buffer -> Int32 in
      guard let start = buffer.baseAddress else { return EINVAL }
      let address = unsafe start.assumingMemoryBound(to: sockaddr.self)
      return unsafe Glibc.connect(descriptor, address, socklen_t(buffer.count)) == 0 ? 0 : errno
    }
    // Interrupted, it goes on all the same.
    guard code == 0 || code == EINPROGRESS || code == EINTR else {
      Linux.close(descriptor)
      return -code
    }
    return descriptor
  }

  private static func setBuffer(_ descriptor: Int32, _ option: Int32, _ bytes: Int32) {
    var bytes = bytes
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &bytes, socklen_t(MemoryLayout<Int32>.size))
  }

  /// How connecting has ended: 0, or an errno.
  static func connectError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var count = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &count) == 0 ? code : errno
  }

  /// Closes with a reset, so that no local port is kept for a minute. For connections on which nothing more is expected.
  static func reset(_ descriptor: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    Linux.close(descriptor)
  }

  func takesConnections(milliseconds: Int32) -> Bool {
    let descriptor = connect()
    guard descriptor >= 0 else { return false }
    defer { Linux.close(descriptor) }
    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&wait, 1, milliseconds) == 1 && SocketPlace.connectError(descriptor) == 0
  }
}
