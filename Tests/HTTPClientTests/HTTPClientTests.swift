import EventLoop
import Foundation
import HTTPClient
import Testing

@Suite("HTTP client")
final class HTTPClientTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "avouch-\(UUID().uuidString.prefix(8))")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private func failure(_ request: HTTPClient.Request) -> HTTPClient.Failure? {
    do {
      _ = try HTTPClient.send(request)
      return nil
    } catch {
      return error
    }
  }

  private func failure(socket path: String) -> HTTPClient.Failure? {
    var request = HTTPClient.Request(url: "http://localhost/", unixSocketPath: path)
    request.timeoutMilliseconds = 500
    return failure(request)
  }

  @Test("status, headers in order and in any case, and the body; a 100 in front is passed over")
  func answers() throws {
    let server = try RawServer(
      try ListenAddress("127.0.0.1:0"),
      answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 418 Tea\r\nX-One:  a \r\nx-two: b\r\nContent-Length: 2\r\n\r\nhi")
    let url = "http://\(server.listener.address)//a/../b?c=d"
    let response = try HTTPClient.send(
      HTTPClient.Request(url: url, method: .post(body: Array("body".utf8), contentType: "text/odd")))
    #expect(response.status == 418 && response.body == Array("hi".utf8) && response.milliseconds > 0)
    #expect(response.headers.map(\.name) == ["X-One", "x-two", "Content-Length"])
    #expect(response.header("x-ONE") == "a" && response.header("X-Two") == "b" && response.header("none") == nil)
    let request = try #require(server.received.first)
    #expect(request.hasPrefix("POST //a/../b?c=d HTTP/1.1\r\n"), "the target goes out as it was given")
    #expect(request.contains("Content-Type: text/odd\r\n") && !request.contains("Expect:"))
  }

  @Test("an answer over the bound is an error that says so; nothing but http is spoken")
  func bounds() throws {
    let server = try RawServer(
      try ListenAddress("127.0.0.1:0"), answer: "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789")
    var request = HTTPClient.Request(url: "http://\(server.listener.address)/")
    request.maximumAnswerBytes = 19
    #expect(failure(request)?.description.contains("larger than 19 octets") == true)
    request.maximumAnswerBytes = 20
    #expect(try HTTPClient.send(request).body.count == 20)
    #expect(failure(HTTPClient.Request(url: "file:///etc/passwd")) != nil)
  }

  @Test("nobody is there where the connection is refused or the socket is missing")
  func nobodyThere() throws {
    #expect(failure(socket: path("missing"))?.isNobodyThere == true)
    // A socket file whose owner has died.
    let stale = path("stale")
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    try bindUnix(descriptor, stale)
    close(descriptor)
    #expect(failure(socket: stale)?.isNobodyThere == true)
    let port = try #require(try Listener(try ListenAddress("127.0.0.1:0"), sharesPort: false).address.port)
    #expect(failure(HTTPClient.Request(url: "http://127.0.0.1:\(port)/"))?.isNobodyThere == true)
  }

  @Test("somebody may be there where the socket cannot be reached, its backlog is full or no answer comes")
  func unreachable() throws {
    // As good as a missing permission, and it stops root too.
    try Data().write(to: folder.appendingPathComponent("file"))
    let blocked = try #require(failure(socket: path("file") + "/socket"))
    #expect(!blocked.isNobodyThere && blocked.description.contains("Not a directory"), "\(blocked)")
    let full = try Listener(.unix(path: path("full")), sharesPort: false, backlog: 0)
    #expect(failure(socket: path("full"))?.isNobodyThere == false, "a timeout")
    // Never accepted: the backlog of one is taken for good.
    var fillers: [Int32] = []
    defer { for filler in fillers { close(filler) } }
    for _ in 0..<2 {
      let filler = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
      fillers.append(filler)
      _ = try? connectUnix(filler, path("full"))
    }
    let refused = try #require(failure(socket: path("full")))
    #expect(!refused.isNobodyThere, "\(refused)")
    withExtendedLifetime(full) {}
  }

  private struct Broken: Error {}

  private func bindUnix(_ descriptor: Int32, _ path: String) throws {
    guard unsafe withUnixAddress(path, { unsafe bind(descriptor, $0, $1) }) == 0 else { throw Broken() }
  }

  private func connectUnix(_ descriptor: Int32, _ path: String) throws {
    guard unsafe withUnixAddress(path, { unsafe connect(descriptor, $0, $1) }) == 0 else { throw Broken() }
  }

  private func withUnixAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var storage = sockaddr_un()
    storage.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &storage.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
    return unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
