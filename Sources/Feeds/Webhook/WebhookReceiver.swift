import CalendarTime
import HTTP1
public import HTTPServer
import OCSP
import OpenSSLCrypto
import Responder
import Synchronization

/// Receives events as the Standard Webhooks specification has them: `POST /v1/events`, signed with a secret that both sides
/// know. What is answered with 200 is durable, and this node says nothing older any more.
///
/// Shared by the handlers of all workers; any thread may replace the senders.
public final class WebhookReceiver: Sendable {
  public struct Limits: Sendable {
    /// How old a message may be, or how far ahead, in seconds.
    public var toleranceSeconds: Int64 = 300
    /// What senders are told to wait where there is no room for them, in seconds.
    public var retryAfterSeconds = 1

    public init() {}
  }

  public let counters = WebhookCounters()
  let intake: EventIntake
  let limits: Limits
  /// Why this node takes no events at present; nil where it does.
  let refusal: @Sendable () -> String?
  private let present: Mutex<WebhookSenders>

  public init(
    _ intake: EventIntake, senders: WebhookSenders, limits: Limits, refusal: @escaping @Sendable () -> String?
  ) {
    self.intake = intake
    self.limits = limits
    self.refusal = refusal
    present = Mutex(senders)
  }

  public var senders: WebhookSenders { present.withLock { $0 } }

  public func replace(_ senders: WebhookSenders) { present.withLock { $0 = senders } }

  /// For one worker of a server.
  public func handler(_ completions: CompletionQueue) -> any RequestHandler {
    WebhookHandler(self, completions)
  }
}

final class WebhookHandler: RequestHandler {
  private static let path = "/v1/events"
  /// Longer identifiers are nobody's: they are kept in the store.
  private static let maximumIDOctets = 256
  private let receiver: WebhookReceiver
  private let completions: CompletionQueue

  init(_ receiver: WebhookReceiver, _ completions: CompletionQueue) {
    self.receiver = receiver
    self.completions = completions
  }

  func handle(
    _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
    response: inout ResponseBuffer
  ) -> Handling {
    let asks = (isHead: head.method == .head, minorVersion: head.minorVersion)
    do throws(Refusal) {
      try checkTarget(head, octets)
      let message = try read(head, octets, body, now: turn.now)
      return try submit(message, connection, asks)
    } catch {
      error.count(receiver.counters)
      error.answer.write(asks, keepsAlive: head.keepsAlive, turn: turn, to: &response)
      return .answered
    }
  }

  /// An answer that says why nothing was taken, and what it counts as.
  private struct Refusal: Error {
    var answer: WebhookAnswer
    var count: @Sendable (WebhookCounters) -> Void
  }

  private func checkTarget(_ head: RequestHead, _ octets: Span<UInt8>) throws(Refusal) {
    let target = octets.text(head.target)
    guard target.prefix(while: { $0 != "?" }) == WebhookHandler.path else {
      throw Refusal(answer: .problem(404, "Not Found", "events are sent to \(WebhookHandler.path)")) { $0.strays.add() }
    }
    guard head.method == .post else { throw Refusal(answer: .notAllowed()) { $0.strays.add() } }
    if let why = receiver.refusal() {
      throw Refusal(answer: .problem(503, "Service Unavailable", why, retryAfter: 5)) { $0.unavailable.add() }
    }
  }

  // MARK: - Reading

  private func read(
    _ head: RequestHead, _ octets: Span<UInt8>, _ body: Span<UInt8>, now: UnixTime
  ) throws(Refusal) -> StatusMessage {
    let attributes = try attributes(head, octets, now: now)
    let senders = receiver.senders
    let allowed: Set<String>?
    do throws(CryptoError) {
      allowed = try senders.issuers(attributes, body: body)
    } catch {
      throw Refusal(answer: .problem(503, "Service Unavailable", error.description, retryAfter: 5)) {
        $0.unavailable.add()
      }
    }
    guard let allowed else {
      throw WebhookHandler.unauthorized("no known secret has signed this message: webhook-signature fits none of them")
      {
        $0.badSignatures.add()
      }
    }
    let payload = try WebhookHandler.wellFormed { () throws(EventPayload.Failure) in try EventPayload.read(body) }
    // The same answer whether there is no such issuer, or it is not this sender's.
    guard allowed.contains(payload.issuer), let subject = senders.subject(payload.issuer) else {
      throw Refusal(
        answer: .problem(
          403, "Forbidden", "this secret may not speak for an issuer '\(payload.issuer.shortened)'",
          field: "data.issuer")
      ) { $0.foreignIssuers.add() }
    }
    let statement = try WebhookHandler.wellFormed { () throws(EventPayload.Failure) in
      try EventReader(subject: subject, now: now).statement(payload)
    }
    return StatusMessage(
      // An issuer's messages have names of their own: two CAs may count alike.
      id: "webhook/\(subject.storeID.value)/\(attributes.id)", digest: WebhookHandler.digest(body),
      issuer: subject.storeID, statement: statement)
  }

  private static func wellFormed<Value>(
    _ body: () throws(EventPayload.Failure) -> Value
  ) throws(Refusal) -> Value {
    do throws(EventPayload.Failure) {
      return try body()
    } catch {
      throw Refusal(answer: .problem(400, "Bad Request", error.text, field: error.field)) { $0.malformed.add() }
    }
  }

  private func attributes(
    _ head: RequestHead, _ octets: Span<UInt8>, now: UnixTime
  ) throws(Refusal) -> WebhookSenders.Attributes {
    func field(_ name: StaticString, _ shown: String) throws(Refusal) -> String {
      switch head.field(name, in: octets) {
      case .one(let range) where !range.isEmpty: return octets.text(range)
      case .several:
        throw WebhookHandler.unauthorized("\(shown) stands there several times; once is expected") { $0.unsigned.add() }
      case .one, .absent: throw WebhookHandler.unauthorized("\(shown) is missing") { $0.unsigned.add() }
      }
    }
    let attributes = WebhookSenders.Attributes(
      id: try field("webhook-id", "webhook-id"), timestamp: try field("webhook-timestamp", "webhook-timestamp"),
      signatures: try field("webhook-signature", "webhook-signature"))
    guard attributes.id.utf8.count <= WebhookHandler.maximumIDOctets else {
      throw Refusal(
        answer: .problem(
          400, "Bad Request",
          "webhook-id: \(attributes.id.utf8.count) octets; at most \(WebhookHandler.maximumIDOctets) "
            + "are expected")
      ) { $0.malformed.add() }
    }
    guard attributes.timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let seconds = Int64(attributes.timestamp)
    else {
      throw WebhookHandler.unauthorized("webhook-timestamp: seconds since 1970 are expected") { $0.unsigned.add() }
    }
    let age = now.seconds(since: UnixTime(seconds: seconds))
    guard abs(age) <= receiver.limits.toleranceSeconds else {
      let distance = age > 0 ? "\(age) s ago" : "in \(-age) s"
      throw WebhookHandler.unauthorized(
        "webhook-timestamp: \(distance) by this machine's clock; at most \(receiver.limits.toleranceSeconds) s are taken"
      ) { $0.untimely.add() }
    }
    return attributes
  }

  private static func unauthorized(
    _ detail: String, _ count: @escaping @Sendable (WebhookCounters) -> Void
  ) -> Refusal {
    Refusal(answer: .problem(401, "Unauthorized", detail), count: count)
  }

  private static func digest(_ body: Span<UInt8>) -> ResponseDigest {
    unsafe OpenSSLHasher().sha256(body.withUnsafeBufferPointer { unsafe Array($0) }, [])
  }

  // MARK: - Taking in

  private func submit(
    _ message: StatusMessage, _ connection: ConnectionID, _ asks: (isHead: Bool, minorVersion: UInt8)
  ) throws(Refusal) -> Handling {
    let retryAfter = receiver.limits.retryAfterSeconds
    do throws(EventIntake.Refusal) {
      try receiver.intake.submit(message) { [completions, counters = receiver.counters] result in
        let answer = WebhookHandler.answer(result, retryAfter: retryAfter, counters)
        completions.complete(connection) { turn, keepsAlive, response in
          answer.write(asks, keepsAlive: keepsAlive, turn: turn, to: &response)
        }
      }
      return .pending(nil)
    } catch {
      switch error {
      case .tooManyOfTheIssuer:
        throw Refusal(
          answer: .problem(
            429, "Too Many Requests", "too many events of this issuer wait already", retryAfter: retryAfter)
        ) { $0.tooMany.add() }
      case .full:
        throw Refusal(
          answer: .problem(503, "Service Unavailable", "as many events wait as may", retryAfter: retryAfter)
        ) { $0.unavailable.add() }
      case .stopping:
        throw Refusal(answer: .problem(503, "Service Unavailable", "this node is stopping", retryAfter: 5)) {
          $0.unavailable.add()
        }
      }
    }
  }

  private static func answer(
    _ result: EventIntake.Result, retryAfter: Int, _ counters: WebhookCounters
  ) -> WebhookAnswer {
    switch result {
    case .settled(.taken(let receipt)):
      counters.taken.add()
      return .taken(receipt)
    case .settled(.repeated(let receipt)):
      counters.repeated.add()
      return .taken(receipt)
    case .settled(.contradicted(let contradiction)):
      counters.contradicted.add()
      return .problem(409, "Conflict", contradiction.text, field: "data")
    case .settled(.idTaken):
      counters.contradicted.add()
      return .problem(409, "Conflict", "another message was taken under this webhook-id", field: "webhook-id")
    case .failed(let why):
      counters.unavailable.add()
      return .problem(503, "Service Unavailable", "nothing was taken: \(why)", retryAfter: 5)
    case .notApplied:
      counters.unavailable.add()
      return .problem(
        503, "Service Unavailable", "it is recorded, and not in force yet: send it again", retryAfter: retryAfter)
    }
  }
}

extension Span<UInt8> {
  fileprivate func text(_ range: Range<Int>) -> String {
    unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
