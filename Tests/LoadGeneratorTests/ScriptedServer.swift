import CalendarTime
import EventLoop
import Glibc
import HTTP1
import OCSP
import Synchronization

@testable import LoadGenerator

/// A server for tests that does with each request what a script says. A thread for each connection.
final class ScriptedServer: Sendable {
  /// A request as the script sees it.
  struct Request {
    /// Of all requests of the server, from 0.
    var number: Int
    /// Of those on its connection, from 0.
    var numberOnConnection: Int
    var connection: Int
    var text: String
    /// Of a GET or a POST; empty where it cannot be decoded.
    var der: [UInt8]
  }

  enum Action {
    case answer([UInt8])
    /// Each octet with a send of its own.
    case answerByOctets([UInt8])
    case answerAndClose([UInt8])
    case close
    /// Nothing now: the answer waits until the next request of the connection, and then both go out.
    case nothing
  }

  let listener: Listener
  private let script: @Sendable (Request) -> Action
  private let requests = Mutex(0)
  private let connections = Mutex(0)

  /// - Parameter receiveBytes: of the system's buffer for what comes in, where a client is to find it full.
  init(
    at address: String = "127.0.0.1:0", receiveBytes: Int32? = nil,
    _ script: @escaping @Sendable (Request) -> Action
  ) throws {
    self.script = script
    listener = try Listener(try ListenAddress(address), sharesPort: false)
    if var receiveBytes {
      // Connections have it from their listener.
      let size = socklen_t(MemoryLayout<Int32>.size)
      _ = unsafe setsockopt(listener.descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, size)
    }
    _ = NamedThread(name: "scripted", isDetached: true) { [descriptor = listener.descriptor, weak self] in
      while true {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wanted, 1, 100)
        guard let self else { return }
        guard case .connection(let connection) = Linux.accept(descriptor) else { continue }
        let number = self.connections.withLock { count in
          count += 1
          return count - 1
        }
        _ = NamedThread(name: "scripted-\(number)", isDetached: true) { self.serve(connection, number) }
      }
    }
  }

  var url: String { "http://\(listener.address)/" }

  var connectionCount: Int { connections.withLock { $0 } }
  var requestCount: Int { requests.withLock { $0 } }

  private func serve(_ connection: Int32, _ number: Int) {
    defer { Linux.close(connection) }
    var input: [UInt8] = []
    var count = 0
    while true {
      while let (text, der, length) = ScriptedServer.request(in: input) {
        input.removeFirst(length)
        let all = requests.withLock { all in
          all += 1
          return all - 1
        }
        let request = Request(number: all, numberOnConnection: count, connection: number, text: text, der: der)
        count += 1
        switch script(request) {
        case .answer(let octets): send(octets[...], connection)
        case .answerByOctets(let octets): for octet in octets { send([octet], connection) }
        case .answerAndClose(let octets):
          send(octets[...], connection)
          linger(connection, &input)
          return
        case .close: return
        case .nothing: break
        }
      }
      guard receive(connection, &input) else { return }
    }
  }

  /// Waits for more; false at the end.
  private func receive(_ connection: Int32, _ input: inout [UInt8]) -> Bool {
    var wanted = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&wanted, 1, 20_000)
    var octets = [UInt8](repeating: 0, count: 65_536)
    guard case .bytes(let count) = unsafe octets.withUnsafeMutableBytes({ unsafe Linux.receive(connection, $0) }) else {
      return false
    }
    input += octets[..<count]
    return true
  }

  /// Ends in good order: what the client still sends is read, for a reset would take the answer with it.
  private func linger(_ connection: Int32, _ input: inout [UInt8]) {
    Linux.shutdownSending(connection)
    while receive(connection, &input) { input = [] }
  }

  private func send(_ octets: ArraySlice<UInt8>, _ connection: Int32) {
    var rest = octets
    while !rest.isEmpty {
      switch unsafe rest.withUnsafeBytes({ unsafe Linux.send(connection, $0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .wouldBlock:
        var wanted = pollfd(fd: connection, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&wanted, 1, 20_000)
      case .end, .failed: return
      }
    }
  }

  private static func request(in input: [UInt8]) -> (text: String, der: [UInt8], length: Int)? {
    guard let parsed = try? RequestParser.parse(input.span, limits: .init()) else { return nil }
    let headBytes = parsed.count
    let text = String(decoding: input[..<headBytes], as: UTF8.self)
    guard text.hasPrefix("POST") else {
      let target = text.split(separator: " ")[1].split(separator: "/").joined(separator: "/")
      var octets = [UInt8](repeating: 0, count: 2048)
      var output = octets.mutableSpan
      let count = Base64.decodeTarget(Array(target.utf8).span, into: &output) ?? 0
      return (text, Array(octets[..<count]), headBytes)
    }
    let field = text.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
    let length = field.flatMap { Int($0.dropFirst(16)) } ?? 0
    guard input.count >= headBytes + length else { return nil }
    return (text, Array(input[headBytes..<headBytes + length]), headBytes + length)
  }

  /// A right answer to a request, with what a test wants otherwise; malformedRequest to what is none.
  static func right(
    _ request: Request, status: CertificateStatus = .good, fields: String = "", wrongSerial: Bool = false
  ) -> [UInt8] {
    let now = RealClock.now
    guard let question = try? OCSPRequest(request.der.span), let certID = question.first.certID else {
      return LoadWorld.http(LoadWorld.errorAnswer(.malformedRequest))
    }
    var encoded = certID.encoded()
    if wrongSerial { encoded[encoded.count - 1] ^= 1 }
    let nonce = question.nonce.map { Array(request.der[$0]) }
    let saying = LoadWorld.Saying(
      status: status, thisUpdate: now.advanced(bySeconds: -10), nextUpdate: now.advanced(bySeconds: 600), nonce: nonce)
    return LoadWorld.http(LoadWorld.answer([encoded], saying), fields: fields)
  }
}

extension ScriptedServer {
  /// A port of this machine where nobody listens.
  static func freePort() throws -> UInt16 {
    let listener = try Listener(try ListenAddress("127.0.0.1:0"), sharesPort: false)
    return listener.address.port ?? 0
  }

  /// What stands behind the head of an answer.
  static func body(of answer: [UInt8]) -> [UInt8] {
    var decoded: [UInt8] = []
    guard case .whole(_, let body, _, _) = AnswerFrame.next(answer.span, isAtEnd: true, decoded: &decoded) else {
      return []
    }
    return Array(answer[body])
  }
}

/// What a test is about cannot be waited for here: the server stands still.
func usleepMilliseconds(_ milliseconds: UInt32) { usleep(milliseconds * 1000) }
