public import EventLoop
import Synchronization
public import TLS

/// An HTTP/1 server: a fixed number of threads, each with an epoll of its own and its share of the connections.
///
/// Made and started by one thread; `drain`, `waitUntilStopped` and `statistics` may be called by any.
public final class HTTPServer: Sendable {
  /// With the ports that the system chose.
  public let addresses: [ListenAddress]
  private let workers: [Worker]
  private let threads = Mutex<[NamedThread]>([])
  private let shared: SharedState

  /// What the workers share.
  final class SharedState: Sendable {
    let openConnections = Atomic<Int>(0)
    let isDraining = Atomic<Bool>(false)
    let lastHandshakeFailure = Mutex<String?>(nil)
  }

  /// Listens; nothing is answered before `start`.
  ///
  /// - Parameters:
  ///   - name: of the threads.
  ///   - isPinned: whether each worker stays on one processor.
  ///   - tls: speaks TLS on every address; nil speaks HTTP in the clear. Its owner keeps it, to have the files read again.
  ///   - makeHandler: called once for each worker with the queue for its answers that are put off.
  public init(
    name: String, addresses wanted: [ListenAddress], workers count: Int, isPinned: Bool, limits: ServerLimits,
    tls: ServerTLSContext? = nil, makeHandler: (CompletionQueue) -> any RequestHandler
  ) throws {
    var listeners: [[Listener]] = Array(repeating: [], count: count)
    var bound: [ListenAddress] = []
    for address in wanted {
      // Shared ports are shared with every process of this user: alone for a moment first, so that a second server on
      // one port is told so, and does not take half of the first one's clients.
      if count > 1, let port = address.port, port != 0 { _ = try Listener(address, sharesPort: false) }
      let first = try Listener(address, sharesPort: count > 1)
      bound.append(first.address)
      for worker in 0..<count {
        // A Unix socket has one listener for all workers: epoll wakes one of them.
        let isShared = first.address.port == nil
        listeners[worker].append(
          worker == 0 || isShared ? first : try Listener(first.address, sharesPort: true))
      }
    }
    addresses = bound
    let shared = SharedState()
    self.shared = shared
    workers = try (0..<count).map { place in
      let completions = try CompletionQueue()
      return try Worker(
        name: "\(name)-\(place)", place: isPinned ? place : nil, listeners: listeners[place], limits: limits,
        shared: shared, completions: completions, tls: tls, handler: makeHandler(completions))
    }
  }

  public func start() {
    let started = workers.map { worker in NamedThread(name: worker.name) { worker.run() } }
    threads.withLock { $0 = started }
  }

  /// Ends gracefully: no new connection, open requests are answered, and what is still open after the limit is cut.
  public func drain() {
    shared.isDraining.store(true, ordering: .releasing)
    for worker in workers { worker.completions.wakeUp.signal() }
  }

  /// Returns once every worker has ended; `drain` makes them end.
  public func waitUntilStopped() {
    let running = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in running { thread.join() }
  }

  /// Why the last TLS handshake that failed did so, for an operator who wonders; nil where none has.
  public var lastHandshakeFailure: String? { shared.lastHandshakeFailure.withLock { $0 } }

  public func statistics() -> ServerStatistics {
    ServerStatistics(workers.map(\.counters))
  }
}
