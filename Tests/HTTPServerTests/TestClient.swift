import EventLoop
import Foundation
import Glibc

/// A blocking client that sends octets as they are, with a limit on every wait.
final class TestClient {
  private let descriptor: Int32
  private var received: [UInt8] = []
  private(set) var isAtEnd = false
  /// Whether the end came as a reset, which may take away what was sent before it.
  private(set) var isReset = false

  struct Broken: Error {}

  // A program that another test starts must not hold the connection open.
  private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

  init(_ address: ListenAddress) throws {
    switch address {
    case .unix(let path):
      descriptor = socket(AF_UNIX, TestClient.kind, 0)
      var storage = sockaddr_un()
      storage.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &storage.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
      try connectTo(&storage)
    case .ipv4(_, let port), .any(let port):
      descriptor = socket(AF_INET, TestClient.kind, 0)
      var storage = sockaddr_in()
      storage.sin_family = sa_family_t(AF_INET)
      storage.sin_port = port.bigEndian
      storage.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      try connectTo(&storage)
    case .ipv6(_, let port):
      descriptor = socket(AF_INET6, TestClient.kind, 0)
      var storage = sockaddr_in6()
      storage.sin6_family = sa_family_t(AF_INET6)
      storage.sin6_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &storage.sin6_addr) { unsafe $0[15] = 1 }
      try connectTo(&storage)
    }
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit {
    close(descriptor)
  }

  private func connectTo<Storage>(_ storage: inout Storage) throws {
    let count = socklen_t(MemoryLayout<Storage>.size)
    let isConnected = unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, count) == 0 }
    }
    guard isConnected else { throw Broken() }
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ octets: [UInt8]) {
    var rest = octets[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  func shutdownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// False at the end of the connection.
  private func fill() -> Bool {
    let octets = receive()
    received += octets
    return !octets.isEmpty
  }

  /// What comes next, as it is; nothing at the end of the connection.
  func receive() -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else {
      isReset = count < 0 && errno == ECONNRESET
      isAtEnd = count == 0 || isReset
      return []
    }
    return Array(chunk[..<count])
  }

  /// Everything until the server closes.
  func readToEnd() -> String {
    while fill() {}
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// One answer: head and as many octets as Content-Length says. Nil where the connection ends before.
  func readAnswer(hasBody: Bool = true) -> (head: String, body: String)? {
    while true {
      if let answer = TestClient.takeAnswer(&received, hasBody: hasBody) { return answer }
      guard fill() else { return nil }
    }
  }

  /// Takes one answer from the beginning of what was received. Nil where it is not whole.
  static func takeAnswer(_ received: inout [UInt8], hasBody: Bool = true) -> (head: String, body: String)? {
    let text = String(decoding: received.prefix(2000), as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n") else { return nil }
    let head = String(text[..<end.lowerBound])
    let headCount = head.utf8.count + 4
    let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
    let length = line.flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) } ?? 0
    let needed = headCount + (hasBody ? length : 0)
    guard received.count >= needed else { return nil }
    let body = String(decoding: received[headCount..<needed], as: UTF8.self)
    received.removeFirst(needed)
    return (head, body)
  }
}
