import CalendarTime
import EventLoop
import HTTP1
import HTTPServer
import OCSP
import OCSPOverHTTP
import Responder

/// Answers on the control socket: health, metrics, what the cache holds, and whether a revision is applied.
final class ControlHandler: RequestHandler {
  private let node: any ServingNode
  private let server: HTTPServer
  private let handlerCounters: HandlerCounters
  /// Nil where there is no status store here.
  private let waiters: AppliedWaiters?

  init(node: any ServingNode, server: HTTPServer, handlerCounters: HandlerCounters, completions: CompletionQueue) {
    self.node = node
    self.server = server
    self.handlerCounters = handlerCounters
    waiters = node.revisions.map { AppliedWaiters($0, completions: completions) }
  }

  func handle(
    _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
    response: inout ResponseBuffer
  ) -> Handling {
    let target = head.target.map { octets[$0] }
    let text = String(decoding: target, as: UTF8.self)
    let path = String(text.prefix { $0 != "?" })
    let query = ControlQuery(text)
    switch (head.method, path) {
    case (.get, "/healthz"), (.head, "/healthz"): write(.plain(200, "alive\n"), head, turn, &response)
    case (.get, "/readyz"), (.head, "/readyz"): write(node.readiness.answer, head, turn, &response)
    case (.get, "/metrics"), (.head, "/metrics"):
      let text = MetricsPage.text(node, server: server, handlers: handlerCounters)
      write(ControlAnswer(200, "text/plain; version=0.0.4", text), head, turn, &response)
    case (.get, "/v1/answers"): write(answers(query), head, turn, &response)
    case (.post, "/v1/applied"): return waitUntilApplied(query, head, turn, connection, &response)
    default:
      let answer = ControlHandler.allowedMethods(path).map { ControlAnswer.notAllowed($0) }
      write(answer ?? .plain(404, "there is nothing here\n"), head, turn, &response)
    }
    return .answered
  }

  /// The Allow field (RFC 9110 10.2.1) of what there is; nil where there is nothing.
  private static func allowedMethods(_ path: String) -> String? {
    switch path {
    case "/healthz", "/readyz", "/metrics": "GET, HEAD"
    case "/v1/answers": "GET"
    case "/v1/applied": "POST"
    default: nil
    }
  }

  /// What the cache holds of one certificate, by hash.
  private func answers(_ query: ControlQuery) -> ControlAnswer {
    guard let name = query["issuer"],
      let issuer = node.source.directory.issuers.issuers.first(where: { $0.name == name })
    else {
      return .plain(404, "no such issuer\n")
    }
    guard let text = query["serial"], let serial = SerialNumber(hexadecimal: text) else {
      return .plain(400, "serial: a hexadecimal number is expected\n")
    }
    var held: [JSONObject] = []
    for hash in HashAlgorithm.allCases {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: hash, serial: serial)
      guard let answer = node.source.cache.peek(key) else { continue }
      var object = JSONObject()
      object.add("hash", hash.name)
      object.add("revision", answer.revision.value)
      object.add("producedAt", answer.times.producedAt.iso8601)
      object.add("nextUpdate", answer.times.nextUpdate.iso8601)
      object.add("refreshAt", answer.times.refreshAt.iso8601)
      held.append(object)
    }
    var object = JSONObject()
    if let revisions = node.revisions { object.add("appliedRevision", revisions.appliedRevision.value) }
    object.add("answers", held)
    return ControlAnswer(200, "application/json", object.text + "\n")
  }

  /// Answers once the caches have seen the revision: what makes a revocation acknowledged (invariant 2).
  private func waitUntilApplied(
    _ query: ControlQuery, _ head: RequestHead, _ turn: Turn, _ connection: ConnectionID,
    _ response: inout ResponseBuffer
  ) -> Handling {
    guard let revisions = node.revisions, let waiters else {
      write(
        .plain(409, "this node is an edge: it has no status store whose revisions it could apply\n"), head, turn,
        &response)
      return .answered
    }
    // The store counts in Int64: what is beyond it is nobody's revision.
    guard let number = query["revision"].flatMap({ Int64($0) }), number >= 0 else {
      write(.plain(400, "revision: a number from 0 to \(Int64.max) is expected\n"), head, turn, &response)
      return .answered
    }
    let limit = AppliedWaiters.maximumSeconds
    guard let seconds = query["seconds"].map({ Int64($0) }) ?? limit, (1...limit).contains(seconds) else {
      write(.plain(400, "seconds: a number from 1 to \(limit) is expected\n"), head, turn, &response)
      return .answered
    }
    let revision = Revision(UInt64(number))
    if revisions.appliedRevision >= revision {
      write(.plain(200, "applied\n"), head, turn, &response)
      return .answered
    }
    guard waiters.add(revision, connection, minorVersion: head.minorVersion, seconds: seconds) else {
      write(.plain(503, "too many wait already\n"), head, turn, &response)
      return .answered
    }
    return .pending(nil)
  }

  private func write(
    _ answer: ControlAnswer, _ head: RequestHead, _ turn: Turn, _ response: inout ResponseBuffer
  ) {
    answer.write(
      isHead: head.method == .head, keepsAlive: head.keepsAlive, minorVersion: head.minorVersion, turn: turn,
      to: &response)
  }
}
