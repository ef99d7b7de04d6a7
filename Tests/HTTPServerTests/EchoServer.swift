import EventLoop
import Foundation
import HTTP1
import HTTPServer
import Synchronization
import TLS
import Testing

/// Answers with method, target and body; a target that begins with /wait is put off until `release`, and one that begins
/// with /block holds the worker's thread until `unblocked` is raised.
final class Echo: RequestHandler {
  let state: State
  let completions: CompletionQueue

  final class State: Sendable {
    let pending = Mutex<[(queue: CompletionQueue, connection: ConnectionID, text: String)]>([])
    let arrived = GrowingValue()
    let blocked = GrowingValue()
    let unblocked = GrowingValue()

    /// Completes the answers that are put off, the last one first.
    func release() {
      let all = pending.withLock { pending in
        defer { pending = [] }
        return pending
      }
      for (queue, connection, text) in all.reversed() {
        queue.complete(connection) { _, keepsAlive, response in
          Echo.write(text, keepsAlive, 1, &response)
        }
      }
    }
  }

  init(state: State, completions: CompletionQueue) {
    self.state = state
    self.completions = completions
  }

  func handle(
    _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
    response: inout ResponseBuffer
  ) -> Handling {
    let target = String(decoding: head.target.map { octets[$0] }, as: UTF8.self)
    let content = String(decoding: body.indices.map { body[$0] }, as: UTF8.self)
    let text =
      target.hasPrefix("/large") ? String(repeating: "x", count: 30_000) : "\(head.method) \(target) \(content)"
    if target.hasPrefix("/block") {
      state.blocked.raise(to: 1)
      _ = state.unblocked.wait(for: 1, milliseconds: 20_000)
    }
    guard target.hasPrefix("/wait") else {
      Echo.write(text, head.keepsAlive, head.minorVersion, &response)
      return .answered
    }
    let count = state.pending.withLock { pending in
      pending.append((completions, connection, text))
      return pending.count
    }
    state.arrived.raise(to: UInt64(count))
    return .pending(nil)
  }

  static func write(_ text: String, _ keepsAlive: Bool, _ minorVersion: UInt8, _ response: inout ResponseBuffer) {
    response.append("HTTP/1.1 200 OK\r\nContent-Length: ")
    response.appendDecimal(text.utf8.count)
    response.append("\r\n")
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: minorVersion)
    response.append("\r\n")
    response.append(Array(text.utf8))
  }
}

/// Servers with the echo behind them.
enum EchoServer {
  /// A request that is answered with `get /a `.
  static let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

  /// A server on a port of its own for the time of `body`.
  static func serve(
    _ address: String = "127.0.0.1:0", workers: Int = 1, limits: ServerLimits = ServerLimits(),
    tls: ServerTLSContext? = nil, _ body: (HTTPServer, ListenAddress, Echo.State) throws -> Void
  ) throws {
    let state = Echo.State()
    let server = try HTTPServer(
      name: "test", addresses: [try ListenAddress(address)], workers: workers, isPinned: false, limits: limits,
      tls: tls
    ) { Echo(state: state, completions: $0) }
    server.start()
    defer {
      state.release()
      server.drain()
      server.waitUntilStopped()
    }
    try body(server, server.addresses[0], state)
  }

  /// Holds the one worker until `unblocked` is raised: what is sent meanwhile is there when it looks.
  static func hold(_ bound: ListenAddress, _ state: Echo.State) throws -> TestClient {
    let holder = try TestClient(bound)
    holder.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(state.blocked.wait(for: 1, milliseconds: 20_000))
    return holder
  }

  /// The path of a socket that is not there yet.
  static func socketPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString.prefix(8)).sock").path
  }
}
