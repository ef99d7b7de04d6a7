import EventLoop
import HTTPClient
import Synchronization

/// The thread on which URLs are fetched, a few at once. What comes of it is told on that thread.
final class CRLFetches: Sendable {
  typealias Outcome = Result<HTTPClient.Response, HTTPClient.Failure>
  private struct Inbox {
    var wanted: [(id: Int, request: HTTPClient.Request)] = []
    var isClosed = false
  }

  private let fetcher: HTTPFetcher
  private let inbox = Mutex(Inbox())
  private let thread = Mutex<NamedThread?>(nil)

  init(maximumConnections: Int) throws(HTTPClient.Failure) {
    fetcher = try HTTPFetcher(maximumConnections: maximumConnections)
  }

  func start(whenEnded: @escaping @Sendable (_ id: Int, Outcome) -> Void) {
    let thread = NamedThread(name: "crl-fetch") { self.run(whenEnded) }
    self.thread.withLock { $0 = thread }
  }

  /// The caller keeps the number of those that have not ended within its bound.
  func fetch(_ request: HTTPClient.Request, id: Int) {
    inbox.withLock { $0.wanted.append((id, request)) }
    fetcher.wakeUp()
  }

  /// Ends the thread; what has not ended is given up, and nobody is told.
  func stop() {
    inbox.withLock { $0.isClosed = true }
    fetcher.wakeUp()
    thread.withLock { $0.take() }?.join()
  }

  private func run(_ whenEnded: (_ id: Int, Outcome) -> Void) {
    while true {
      let (wanted, isClosed) = inbox.withLock { inbox in
        defer { inbox.wanted = [] }
        return (inbox.wanted, inbox.isClosed)
      }
      if isClosed { return }
      for (id, request) in wanted {
        do throws(HTTPClient.Failure) {
          try fetcher.begin(request, id: id)
        } catch {
          whenEnded(id, .failure(error))
        }
      }
      for (id, outcome) in fetcher.run(milliseconds: 60_000) { whenEnded(id, outcome) }
    }
  }
}
