import EventLoop
import Glibc
import Synchronization

/// A server that says the same octets to whoever comes, and remembers what it was asked. One connection at a time.
final class RawServer: Sendable {
  let listener: Listener
  private let requests = Mutex<[String]>([])

  /// - Parameter answer: sent as it is once a request has come; the connection is closed behind it.
  init(_ address: ListenAddress, answer: String) throws {
    listener = try Listener(address, sharesPort: false)
    _ = NamedThread(name: "raw-server", isDetached: true) { [descriptor = listener.descriptor, weak self] in
      while true {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wanted, 1, 100)
        guard let self else { return }
        guard case .connection(let connection) = Linux.accept(descriptor) else { continue }
        self.answer(connection, answer)
      }
    }
  }

  /// Everything that came, one text a connection.
  var received: [String] { requests.withLock { $0 } }

  private func answer(_ connection: Int32, _ answer: String) {
    var wanted = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&wanted, 1, 20_000)
    var octets = [UInt8](repeating: 0, count: 65_536)
    if case .bytes(let count) = unsafe octets.withUnsafeMutableBytes({ unsafe Linux.receive(connection, $0) }) {
      requests.withLock { $0.append(String(decoding: octets[..<count], as: UTF8.self)) }
    }
    _ = unsafe Array(answer.utf8).withUnsafeBytes { unsafe Linux.send(connection, $0) }
    Linux.close(connection)
  }
}
