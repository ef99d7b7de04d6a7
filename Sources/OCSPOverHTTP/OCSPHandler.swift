public import HTTP1
public import HTTPServer
import Metrics
import OCSP
public import Responder

/// Answers OCSP over HTTP (RFC 6960 A.1, RFC 9919 6). One instance per worker.
///
/// A hit in the answer cache is answered at once: parse, look up, copy. What has to wait for the store or a signer goes
/// to the source and comes back through the worker's completion queue.
@safe
public final class OCSPHandler: RequestHandler {
  private let source: any AnswerSource
  private let cache: AnswerCache
  private let current: CurrentWriter
  private let completions: CompletionQueue
  private let requestLimits: OCSPRequest.Limits
  private let counters: HandlerCounters
  private let hits: OwnCounter
  /// Where a GET's request is decoded, and where answers are copied to: at fixed addresses, so that a hit touches no
  /// reference count.
  private let requestOctets: UnsafeMutableBufferPointer<UInt8>
  private let answerOctets: UnsafeMutableBufferPointer<UInt8>

  public init(
    source: any AnswerSource, completions: CompletionQueue, maximumRequestBytes: Int, maximumQuestions: Int,
    counters: HandlerCounters
  ) {
    self.source = source
    cache = source.cache
    current = CurrentWriter(source: source)
    self.completions = completions
    var limits = OCSPRequest.Limits()
    limits.maximumQuestions = maximumQuestions
    requestLimits = limits
    self.counters = counters
    hits = counters.makeHits()
    unsafe requestOctets = .allocate(capacity: maximumRequestBytes)
    unsafe requestOctets.initialize(repeating: 0)
    unsafe answerOctets = .allocate(capacity: 16 << 10)
    unsafe answerOctets.initialize(repeating: 0)
  }

  deinit {
    unsafe requestOctets.deallocate()
    unsafe answerOctets.deallocate()
  }

  public func handle(
    _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
    response: inout ResponseBuffer
  ) -> Handling {
    current.look()
    switch head.method {
    case .post: return answer(body, head, octets, turn, connection, &response)
    case .get, .head: return answerTarget(head, octets, turn, connection, &response)
    case .options, .other:
      counters.methodsRefused.add(1)
      current.writer.writeMethodNotAllowed(Exchange(head), keepsAlive: head.keepsAlive, turn: turn, to: &response)
      return .answered
    }
  }

  private func answerTarget(
    _ head: RequestHead, _ octets: Span<UInt8>, _ turn: Turn, _ connection: ConnectionID,
    _ response: inout ResponseBuffer
  ) -> Handling {
    var span = unsafe requestOctets.mutableSpan
    let decoded = current.withWriter {
      RequestTarget.decode(octets.extracting(head.target), knowing: $0.knownTargets, into: &span)
    }
    guard let count = decoded else {
      return malformed(head, turn, &response)
    }
    return unsafe answer(requestOctets.span.extracting(0..<count), head, octets, turn, connection, &response)
  }

  private func answer(
    _ der: Span<UInt8>, _ head: RequestHead, _ octets: Span<UInt8>, _ turn: Turn, _ connection: ConnectionID,
    _ response: inout ResponseBuffer
  ) -> Handling {
    if let key = current.withWriter({ $0.plainRequests.key(of: der) }) {
      return answerPlain(key, head, octets, turn, connection, &response)
    }
    let request: OCSPRequest
    do {
      request = try OCSPRequest(der, limits: requestLimits)
    } catch {
      return malformed(head, turn, &response)
    }
    let question = current.writer.issuers.question(request, der: der)
    if cache.withholdsSome, isWithheld(question) { return error(.tryLater, head, turn, &response) }
    if request.isSigned, isSignatureRefused(question) {
      return error(.unauthorized, head, turn, &response)
    }
    switch question {
    case .cached(let key):
      if answerFromCache(key, head, octets, turn, &response) { return .answered }
      return miss(question, key, head, octets, turn, connection, &response)
    case .live(let live):
      guard mayBeKnown(live) else { return error(.unauthorized, head, turn, &response) }
      counters.live.add(1)
      return ask(question, PendingAnswer(head, octets, current, completions, connection))
    case .unauthorized: return error(.unauthorized, head, turn, &response)
    }
  }

  private func answerPlain(
    _ key: ResponseKey, _ head: RequestHead, _ octets: Span<UInt8>, _ turn: Turn, _ connection: ConnectionID,
    _ response: inout ResponseBuffer
  ) -> Handling {
    if cache.withholdsSome, current.writer.issuers[key.issuer].progress.isWithheld {
      return error(.tryLater, head, turn, &response)
    }
    if answerFromCache(key, head, octets, turn, &response) { return .answered }
    return miss(.cached(key), key, head, octets, turn, connection, &response)
  }

  private func answerFromCache(
    _ key: ResponseKey, _ head: RequestHead, _ octets: Span<UInt8>, _ turn: Turn, _ response: inout ResponseBuffer
  ) -> Bool {
    var span = unsafe answerOctets.mutableSpan
    guard !cache.isDoubted, let answer = cache.copy(key, now: turn.now, into: &span) else { return false }
    hits.add(1)
    if current.withWriter({ !$0.knows(answer.credential) }) { current.look() }
    let exchange = Exchange(head)
    let prefix = unsafe answerOctets.span.extracting(0..<answer.prefixCount)
    if head.ifNoneMatch.count > 0 || head.ifModifiedSince != nil {
      let tag = EntityTag.text(of: answer.digest)
      let isKnown = ConditionalRequest.isNotModified(
        head, octets, entityTag: tag.span, lastModified: answer.times.producedAt, now: turn.now)
      if isKnown, DatedAnswer.canBeNotModified(head, prefix: prefix) {
        counters.notModified.add(1)
        current.withWriter {
          $0.writeNotModified(answer, key, exchange, keepsAlive: head.keepsAlive, turn: turn, to: &response)
        }
        return true
      }
    }
    current.withWriter {
      $0.writeCacheable(
        answer, prefix: prefix, key, exchange, keepsAlive: head.keepsAlive, turn: turn, to: &response)
    }
    return true
  }

  private func miss(
    _ question: Question, _ key: ResponseKey, _ head: RequestHead, _ octets: Span<UInt8>, _ turn: Turn,
    _ connection: ConnectionID, _ response: inout ResponseBuffer
  ) -> Handling {
    // A serial that nobody issued costs no signature and no look into the store (invariant 8).
    let issuer = current.writer.issuers[key.issuer]
    if issuer.policy.unissued == .unauthorized, !source.mayBeIssued(key, by: issuer) {
      return error(.unauthorized, head, turn, &response)
    }
    counters.misses.add(1)
    return ask(question, PendingAnswer(head, octets, current, completions, connection))
  }

  private func ask(_ question: Question, _ answer: PendingAnswer) -> Handling {
    source.ask(question, receiver: answer)
    return .pending(answer.exchangeInWait)
  }

  /// Whether there is anything to say to a question that has to be signed for: false is certain (invariant 8).
  private func mayBeKnown(_ question: LiveQuestion) -> Bool {
    let issuer = current.writer.issuers[question.issuer]
    guard issuer.policy.unissued == .unauthorized else { return true }
    return question.entries.contains { entry in
      entry.key.map { source.mayBeIssued($0, by: issuer) } ?? false
    }
  }

  private func isWithheld(_ question: Question) -> Bool {
    let issuers = current.writer.issuers
    return switch question {
    case .cached(let key): issuers[key.issuer].progress.isWithheld
    case .live(let live): issuers[live.issuer].progress.isWithheld
    case .unauthorized: false
    }
  }

  private func isSignatureRefused(_ question: Question) -> Bool {
    let issuers = current.writer.issuers
    return switch question {
    case .cached(let key): issuers[key.issuer].policy.refusesSignedRequests
    case .live(let live): issuers[live.issuer].policy.refusesSignedRequests
    case .unauthorized: false
    }
  }

  private func malformed(_ head: RequestHead, _ turn: Turn, _ response: inout ResponseBuffer) -> Handling {
    error(.malformedRequest, head, turn, &response)
  }

  private func error(
    _ status: OCSPResponseStatus, _ head: RequestHead, _ turn: Turn, _ response: inout ResponseBuffer
  ) -> Handling {
    switch status {
    case .malformedRequest: counters.malformed.add(1)
    case .tryLater: counters.withheld.add(1)
    default: counters.unauthorized.add(1)
    }
    current.writer.writeError(status, Exchange(head), keepsAlive: head.keepsAlive, turn: turn, to: &response)
    return .answered
  }
}
