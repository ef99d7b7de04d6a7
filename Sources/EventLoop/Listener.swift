import CLinux
import Glibc

/// A socket that listens. Closed with the object; a Unix socket's file is removed with it.
public final class Listener: Sendable {
  /// Connections that the system takes for us until they are accepted.
  public static let backlog: Int32 = 4096
  public let descriptor: Int32
  /// With the port that the system chose, where 0 was asked for.
  public let address: ListenAddress

  /// - Parameter sharesPort: several listeners of this process on one port, between which the system divides
  ///   connections (SO_REUSEPORT). Unix sockets have no such thing.
  public init(_ address: ListenAddress, sharesPort: Bool, backlog: Int32 = Listener.backlog) throws(ListenError) {
    if case .unix(let path) = address { try Listener.removeStale(path) }
    let family = Listener.family(of: address)
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw ListenError(address: address, code: errno) }
    do throws(ListenError) {
      try Listener.configure(descriptor, address, sharesPort: sharesPort)
      try Listener.bindAndListen(descriptor, address, backlog)
      self.address = try Listener.bound(descriptor, address)
    } catch {
      Linux.close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit {
    // Before the close: from then on another process may have put its own socket there.
    if case .unix(let path) = address { unsafe unlink(path) }
    Linux.close(descriptor)
  }

  private static func family(of address: ListenAddress) -> Int32 {
    switch address {
    case .ipv4: AF_INET
    case .ipv6, .any: AF_INET6
    case .unix: AF_UNIX
    }
  }

  private static func configure(
    _ descriptor: Int32, _ address: ListenAddress, sharesPort: Bool
  ) throws(ListenError) {
    func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
      var value = value
      return unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }
    if case .unix = address { return }
    guard set(SOL_SOCKET, SO_REUSEADDR, 1), !sharesPort || set(SOL_SOCKET, SO_REUSEPORT, 1),
      // Accepted connections inherit it: an answer is one send, and must not wait for the last one's acknowledgement.
      set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    else { throw ListenError(address: address, code: errno) }
    // Said either way: the system's default is a setting of the machine.
    let isDual = if case .any = address { true } else { false }
    guard family(of: address) == AF_INET || set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, isDual ? 0 : 1) else {
      throw ListenError(address: address, code: errno)
    }
  }

  private static func bindAndListen(
    _ descriptor: Int32, _ address: ListenAddress, _ backlog: Int32
  ) throws(ListenError) {
    let isBound = unsafe SocketAddress.with(address) { pointer, count in unsafe bind(descriptor, pointer, count) == 0 }
    guard isBound, listen(descriptor, backlog) == 0 else { throw ListenError(address: address, code: errno) }
  }

  private static func bound(_ descriptor: Int32, _ address: ListenAddress) throws(ListenError) -> ListenAddress {
    guard address.port == 0 else { return address }
    var storage = sockaddr_in6()
    var count = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let isKnown = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &count) == 0
      }
    }
    guard isKnown else { throw ListenError(address: address, code: errno) }
    // The port stands at the same place for both families.
    return address.with(port: UInt16(bigEndian: storage.sin6_port))
  }

  /// Removes a socket file that nobody listens on; one that is in use is somebody's.
  private static func removeStale(_ path: String) throws(ListenError) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    let address = ListenAddress.unix(path: path)
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw ListenError(address: address, code: EEXIST) }
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { throw ListenError(address: address, code: errno) }
    defer { Linux.close(probe) }
    let isInUse = unsafe SocketAddress.with(address) { pointer, count in unsafe connect(probe, pointer, count) == 0 }
    guard !isInUse else { throw ListenError(address: address, code: EADDRINUSE) }
    unsafe unlink(path)
  }
}

/// Nobody can listen there, and why.
public struct ListenError: Error, Sendable, CustomStringConvertible {
  public var address: ListenAddress
  public var code: Int32

  public var description: String { "cannot listen on \(address): \(Linux.errorText(code))" }
}

/// The C structures of an address, for as long as a call takes.
enum SocketAddress {
  static func with<Result>(
    _ address: ListenAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    switch address {
    case .ipv4(let octets, let port):
      var storage = sockaddr_in()
      storage.sin_family = sa_family_t(AF_INET)
      storage.sin_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &storage.sin_addr) { unsafe $0.copyBytes(from: octets.octets) }
      return unsafe call(&storage, body)
    case .ipv6(let octets, let port): return unsafe with(ipv6: octets.octets, port, body)
    case .any(let port): return unsafe with(ipv6: [UInt8](repeating: 0, count: 16), port, body)
    case .unix(let path):
      var storage = sockaddr_un()
      storage.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &storage.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
      return unsafe call(&storage, body)
    }
  }

  private static func with<Result>(
    ipv6 octets: [UInt8], _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var storage = sockaddr_in6()
    storage.sin6_family = sa_family_t(AF_INET6)
    storage.sin6_port = port.bigEndian
    unsafe withUnsafeMutableBytes(of: &storage.sin6_addr) { unsafe $0.copyBytes(from: octets) }
    return unsafe call(&storage, body)
  }

  private static func call<Storage, Result>(
    _ storage: inout Storage, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<Storage>.size))
      }
    }
  }
}
