import EventLoop
import Glibc

/// A C socket address, and how to connect to it.
struct Endpoint: Sendable, Hashable {
  private var family: Int32
  private var octets: [UInt8]

  /// The addresses of a host, in the system's order.
  ///
  /// - Parameter isNumeric: takes IP addresses alone, and then never blocks.
  static func find(_ address: RedisAddress, isNumeric: Bool) -> Result<[Endpoint], LookUpFailure> {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV | (isNumeric ? AI_NUMERICHOST : AI_ADDRCONFIG)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(address.host, "\(address.port)", &hints, &list)
    guard code == 0 else {
      return .failure(LookUpFailure(why: "\(address.host): \(unsafe String(cString: gai_strerror(code)))"))
    }
    defer { unsafe freeaddrinfo(list) }
    var endpoints: [Endpoint] = []
    var entry = unsafe list
    // More than a few would never be tried within the time for connecting.
    while let found = unsafe entry, endpoints.count < 16 {
      let octets = unsafe UnsafeRawBufferPointer(start: found.pointee.ai_addr, count: Int(found.pointee.ai_addrlen))
      unsafe endpoints.append(Endpoint(family: found.pointee.ai_family, octets: Array(octets)))
      unsafe entry = unsafe found.pointee.ai_next
    }
    return .success(endpoints)
  }

  /// Begins to connect: a non-blocking descriptor that becomes writable when that has ended. Or the errno.
  func connect() -> Result<Int32, SystemCallError> {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return .failure(SystemCallError(call: "socket", code: errno)) }
    var one: Int32 = 1
    _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    let code = unsafe octets.withUnsafeBytes { buffer -> Int32 in
      guard let start = buffer.baseAddress else { return EINVAL }
      let address = unsafe start.assumingMemoryBound(to: sockaddr.self)
      return unsafe Glibc.connect(descriptor, address, socklen_t(buffer.count)) == 0 ? 0 : errno
    }
    // Interrupted, it goes on all the same.
    guard code == 0 || code == EINPROGRESS || code == EINTR else {
      Linux.close(descriptor)
      return .failure(SystemCallError(call: "connect", code: code))
    }
    return .success(descriptor)
  }

  /// How connecting has ended: 0, or an errno.
  static func connectError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var count = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &count) == 0 ? code : errno
  }
}

struct LookUpFailure: Error, Sendable {
  var why: String
}
