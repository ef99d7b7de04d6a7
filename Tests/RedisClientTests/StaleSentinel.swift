import EventLoop
import Glibc
import RedisClient
import Synchronization

/// Says what a sentinel says, and names whom the test wants: real ones are never as wrong for long.
final class StaleSentinel: Sendable {
  private let listener: Listener
  private let named: Mutex<RedisAddress>

  init(naming address: RedisAddress) throws {
    named = Mutex(address)
    listener = try Listener(ListenAddress("127.0.0.1:0"), sharesPort: false)
    _ = NamedThread(name: "stale-sentinel", isDetached: true) { [descriptor = listener.descriptor, weak self] in
      while true {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wanted, 1, 100)
        guard let self else { return }
        guard case .connection(let connection) = Linux.accept(descriptor) else { continue }
        _ = NamedThread(name: "stale-client", isDetached: true) { self.serve(connection) }
      }
    }
  }

  var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: listener.address.port ?? 0) }

  func name(_ address: RedisAddress) {
    named.withLock { $0 = address }
  }

  /// The client sends its login in one piece, and then one command at a time.
  private func serve(_ connection: Int32) {
    defer { Linux.close(connection) }
    var octets = [UInt8](repeating: 0, count: 4096)
    while true {
      var wanted = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
      _ = unsafe poll(&wanted, 1, -1)
      guard case .bytes(let count) = unsafe octets.withUnsafeMutableBytes({ unsafe Linux.receive(connection, $0) })
      else { return }
      let answer = answer(String(decoding: octets[..<count], as: UTF8.self))
      _ = unsafe Array(answer.utf8).withUnsafeBytes { unsafe Linux.send(connection, $0) }
    }
  }

  private func answer(_ commands: String) -> String {
    var answer = ""
    if commands.contains("SETNAME") { answer += "+OK\r\n" }
    if commands.contains("PING") { answer += "+PONG\r\n" }
    if commands.contains("\r\nSUBSCRIBE") { answer += "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n" }
    let address = named.withLock { $0 }
    for _ in commands.ranges(of: "GET-MASTER-ADDR-BY-NAME") {
      answer += "*2\r\n$9\r\n127.0.0.1\r\n$\("\(address.port)".count)\r\n\(address.port)\r\n"
    }
    return answer
  }
}
