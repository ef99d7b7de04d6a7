import EventLoop
import Foundation
import HTTPClient
import Synchronization
import Testing

@Suite("HTTP fetcher")
struct HTTPFetcherTests {
  private typealias Outcome = Result<HTTPClient.Response, HTTPClient.Failure>

  /// Runs until so many have ended, by number.
  private func run(_ fetcher: HTTPFetcher, until count: Int) throws -> [Int: Outcome] {
    var ended: [Int: Outcome] = [:]
    let end = MonotonicTime.now().advanced(byMilliseconds: 60_000)
    while ended.count < count {
      try #require(MonotonicTime.now() < end)
      for (id, outcome) in fetcher.run(milliseconds: 1000) { ended[id] = outcome }
    }
    return ended
  }

  private func message(_ outcome: Outcome?) -> String {
    if case .failure(let failure)? = outcome { failure.description } else { "none" }
  }

  private func server(_ answer: String) throws -> RawServer {
    try RawServer(try ListenAddress("127.0.0.1:0"), answer: answer)
  }

  @Test("several are under way at once, and one that gets no answer holds up none")
  func several() throws {
    let deaf = try Listener(try ListenAddress("127.0.0.1:0"), sharesPort: false)
    let good = try server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    let fetcher = try HTTPFetcher(maximumConnections: 4)
    var slow = HTTPClient.Request(url: "http://\(deaf.address)/")
    // Given up with the fetcher.
    slow.timeoutMilliseconds = 600_000
    try fetcher.begin(slow, id: 1)
    try fetcher.begin(HTTPClient.Request(url: "http://\(good.listener.address)/"), id: 2)
    let first = try run(fetcher, until: 1)
    #expect(try first[2]?.get().body == Array("hi".utf8) && fetcher.count == 1)
  }

  @Test("a server that does not answer in time is given up")
  func timeouts() throws {
    let deaf = try Listener(try ListenAddress("127.0.0.1:0"), sharesPort: false)
    let fetcher = try HTTPFetcher(maximumConnections: 4)
    var request = HTTPClient.Request(url: "http://\(deaf.address)/")
    request.timeoutMilliseconds = 50
    try fetcher.begin(request, id: 1)
    let ended = try run(fetcher, until: 1)
    #expect(message(ended[1]).contains("imeout") && fetcher.count == 0)
  }

  @Test(
    "fields go out, a body over the bound is refused by what its head says, and only so many redirects are followed")
  func bounds() throws {
    let large = try server("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx")
    let redirecting = try server("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
    let fetcher = try HTTPFetcher(maximumConnections: 4)
    var request = HTTPClient.Request(url: "http://\(large.listener.address)/")
    request.timeoutMilliseconds = 60_000
    request.headers = [("If-None-Match", "\"a\"")]
    try fetcher.begin(request, id: 1)
    request.url = "http://\(redirecting.listener.address)/"
    request.maximumRedirects = 2
    try fetcher.begin(request, id: 2)
    // Nothing but http without `allowsHTTPS`, and never a file.
    request.url = "https://\(redirecting.listener.address)/"
    try fetcher.begin(request, id: 3)
    request.allowsHTTPS = true
    request.url = "file:///etc/hostname"
    try fetcher.begin(request, id: 4)
    let ended = try run(fetcher, until: 4)
    #expect(message(ended[1]).contains("larger than 1048576 octets"))
    #expect(large.received.first?.contains("If-None-Match: \"a\"\r\n") == true)
    #expect(message(ended[2]).lowercased().contains("redirects") && redirecting.received.count == 3)
    #expect(message(ended[3]).contains("rotocol") && message(ended[4]).contains("rotocol"))
  }

  @Test("another thread wakes one that waits")
  func waking() throws {
    let fetcher = try HTTPFetcher(maximumConnections: 1)
    let begin = MonotonicTime.now()
    let thread = NamedThread(name: "waker") { fetcher.wakeUp() }
    #expect(fetcher.run(milliseconds: 600_000).isEmpty)
    thread.join()
    #expect(begin.advanced(byMilliseconds: 300_000) > MonotonicTime.now())
  }
}
