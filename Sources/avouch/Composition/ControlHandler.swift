import CalendarTime
import EventLoop
import HTTP1
import HTTPServer
import OCSP
import OCSPOverHTTP
import Responder
import ResponderRuntime
import Synchronization

/// Answers on the control socket: health, metrics, what the cache holds, and whether a revision is applied.
final class ControlHandler: RequestHandler {
  private static let maximumWaiters = 64
  private let runtime: ResponderRuntime
  private let server: HTTPServer
  private let handlerCounters: HandlerCounters
  private let completions: CompletionQueue
  private let waiters = Waiters()

  /// Threads that wait for a revision, counted.
  private final class Waiters: Sendable {
    let count = Atomic<Int>(0)
  }

  init(
    runtime: ResponderRuntime, server: HTTPServer, handlerCounters: HandlerCounters, completions: CompletionQueue
  ) {
    self.runtime = runtime
    self.server = server
    self.handlerCounters = handlerCounters
    self.completions = completions
  }

  func handle(
    _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
    response: inout ResponseBuffer
  ) -> Handling {
    let target = head.target.map { octets[$0] }
    let text = String(decoding: target, as: UTF8.self)
    let path = String(text.prefix { $0 != "?" })
    let query = Query(text)
    switch (head.method, path) {
    case (.get, "/healthz"), (.head, "/healthz"): write(.plain(200, "alive\n"), head, turn, &response)
    case (.get, "/readyz"), (.head, "/readyz"): write(Readiness(runtime).answer, head, turn, &response)
    case (.get, "/metrics"), (.head, "/metrics"):
      let text = MetricsPage.text(runtime: runtime, server: server, handlers: handlerCounters)
      write(ControlAnswer(200, "text/plain; version=0.0.4", text), head, turn, &response)
    case (.get, "/v1/answers"): write(answers(query), head, turn, &response)
    case (.post, "/v1/applied"): return waitUntilApplied(query, head, turn, connection, &response)
    case (_, "/healthz"), (_, "/readyz"), (_, "/metrics"), (_, "/v1/answers"), (_, "/v1/applied"):
      write(.plain(405, "not with this method\n"), head, turn, &response)
    default: write(.plain(404, "there is nothing here\n"), head, turn, &response)
    }
    return .answered
  }

  /// What the cache holds of one certificate, by hash.
  private func answers(_ query: Query) -> ControlAnswer {
    guard let name = query["issuer"], let issuer = runtime.issuers.issuers.first(where: { $0.name == name }) else {
      return .plain(404, "no such issuer\n")
    }
    guard let text = query["serial"], let serial = SerialNumber(hexadecimal: text) else {
      return .plain(400, "serial: a hexadecimal number is expected\n")
    }
    var held: [JSONObject] = []
    for hash in HashAlgorithm.allCases {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: hash, serial: serial)
      guard let (revision, times) = runtime.cache.peek(key) else { continue }
      var object = JSONObject()
      object.add("hash", hash.name)
      object.add("revision", revision.value)
      object.add("producedAt", times.producedAt.iso8601)
      object.add("nextUpdate", times.nextUpdate.iso8601)
      object.add("refreshAt", times.refreshAt.iso8601)
      held.append(object)
    }
    var object = JSONObject()
    object.add("appliedRevision", runtime.appliedRevision.value)
    object.add("answers", held)
    return ControlAnswer(200, "application/json", object.text + "\n")
  }

  /// Answers once the caches have seen the revision: what makes a revocation acknowledged (invariant 2).
  private func waitUntilApplied(
    _ query: Query, _ head: RequestHead, _ turn: Turn, _ connection: ConnectionID, _ response: inout ResponseBuffer
  ) -> Handling {
    guard let number = query["revision"].flatMap({ UInt64($0) }) else {
      write(.plain(400, "revision: a number is expected\n"), head, turn, &response)
      return .answered
    }
    guard waiters.count.wrappingAdd(1, ordering: .relaxed).newValue <= ControlHandler.maximumWaiters else {
      waiters.count.wrappingSubtract(1, ordering: .relaxed)
      write(.plain(503, "too many wait already\n"), head, turn, &response)
      return .answered
    }
    let (runtime, completions, waiters) = (runtime, completions, waiters)
    // The wait blocks, and this thread has others to answer.
    _ = NamedThread(name: "applied", isDetached: true) {
      let isApplied = runtime.waitUntilApplied(Revision(number), milliseconds: 10_000)
      waiters.count.wrappingSubtract(1, ordering: .relaxed)
      let answer = isApplied ? ControlAnswer.plain(200, "applied\n") : .plain(504, "not applied within 10 s\n")
      completions.complete(connection) { turn, keepsAlive, response in
        answer.write(isHead: false, keepsAlive: keepsAlive, minorVersion: 1, turn: turn, to: &response)
      }
    }
    return .pending
  }

  private func write(
    _ answer: ControlAnswer, _ head: RequestHead, _ turn: Turn, _ response: inout ResponseBuffer
  ) {
    answer.write(
      isHead: head.method == .head, keepsAlive: head.keepsAlive, minorVersion: head.minorVersion, turn: turn,
      to: &response)
  }
}

/// One answer of the control socket.
struct ControlAnswer: Sendable {
  var status: Int
  var contentType: String
  var body: String

  init(_ status: Int, _ contentType: String, _ body: String) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  static func plain(_ status: Int, _ body: String) -> ControlAnswer { ControlAnswer(status, "text/plain", body) }

  func write(
    isHead: Bool, keepsAlive: Bool, minorVersion: UInt8, turn: Turn, to response: inout ResponseBuffer
  ) {
    let octets = Array(body.utf8)
    response.append("HTTP/1.1 ")
    response.appendDecimal(status)
    response.append(" \r\nContent-Type: ")
    response.append(Array(contentType.utf8))
    response.append("\r\nContent-Length: ")
    response.appendDecimal(octets.count)
    response.append("\r\nDate: ")
    response.append(turn.date)
    response.append("\r\nCache-Control: no-store\r\n")
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: minorVersion)
    response.append("\r\n")
    if !isHead { response.append(octets) }
  }
}

/// The query of a control request: names and values without percent-coding, as our own commands write them.
struct Query {
  private var values: [String: String] = [:]

  init(_ target: String) {
    guard let mark = target.firstIndex(of: "?") else { return }
    for pair in target[target.index(after: mark)...].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      values[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
    }
  }

  subscript(_ name: String) -> String? { values[name] }
}
