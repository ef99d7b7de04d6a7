import EventLoop
import Glibc
import RedisClient

/// Says the same octets to whoever comes, and closes.
final class NonsenseServer: Sendable {
  private let listener: Listener

  init(_ words: String) throws {
    listener = try Listener(ListenAddress("127.0.0.1:0"), sharesPort: false)
    _ = NamedThread(name: "nonsense", isDetached: true) { [descriptor = listener.descriptor, weak self] in
      while true {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wanted, 1, 100)
        guard self != nil else { return }
        guard case .connection(let connection) = Linux.accept(descriptor) else { continue }
        _ = unsafe Array(words.utf8).withUnsafeBytes { unsafe Linux.send(connection, $0) }
        Linux.shutdownSending(connection)
        // What is unread when it is closed would take the words back.
        var octets = [UInt8](repeating: 0, count: 4096)
        var readable = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&readable, 1, 1000)
        _ = unsafe octets.withUnsafeMutableBytes { unsafe Linux.receive(connection, $0) }
        Linux.close(connection)
      }
    }
  }

  var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: listener.address.port ?? 0) }
}
