import EventLoop
import Foundation
import Testing

@Suite("Listeners")
struct ListenerTests {
  @Test("a socket file in use, a port in use and a file that is no socket are refused by name")
  func listening() throws {
    try EchoServer.serve { _, bound, _ in
      #expect { try Listener(bound, sharesPort: false) } throws: { "\($0)".contains("\(bound)") }
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString).txt")
    try Data("mine".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: ListenError.self) { try Listener(.unix(path: file.path), sharesPort: false) }
    #expect(FileManager.default.fileExists(atPath: file.path))
  }

  @Test("one socket for everything, or one for each family on the same port")
  func families() throws {
    let both = try Listener(try ListenAddress(":0"), sharesPort: false)
    let port = try #require(both.address.port)
    _ = try TestClient(try ListenAddress("127.0.0.1:\(port)"))
    _ = try TestClient(try ListenAddress("[::1]:\(port)"))
    let four = try Listener(try ListenAddress("0.0.0.0:0"), sharesPort: false)
    _ = try Listener(try ListenAddress("[::]:\(try #require(four.address.port))"), sharesPort: false)
  }
}
