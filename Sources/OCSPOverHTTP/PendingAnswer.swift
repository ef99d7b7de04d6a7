import HTTP1
import HTTPServer
import OCSP
import Responder

/// A request whose answer is on its way: told by a signing thread, written by the worker.
final class PendingAnswer: OutcomeReceiver {
  private let exchange: Exchange
  private let current: CurrentWriter
  private let completions: CompletionQueue
  private let connection: ConnectionID
  /// Tells of the end of the connection.
  let exchangeInWait = PendingExchange()
  /// The head's octets, where the request is conditional: they are gone by the time the answer comes.
  private let conditional: (head: RequestHead, octets: [UInt8])?

  init(
    _ head: RequestHead, _ octets: Span<UInt8>, _ current: CurrentWriter, _ completions: CompletionQueue,
    _ connection: ConnectionID
  ) {
    exchange = Exchange(head)
    self.current = current
    self.completions = completions
    self.connection = connection
    let isConditional = head.isGetOrHead && (head.ifNoneMatch.count > 0 || head.ifModifiedSince != nil)
    conditional = isConditional ? (head, octets.indices.map { octets[$0] }) : nil
  }

  var isGone: Bool { exchangeInWait.isGone }

  func receive(_ outcome: QuestionOutcome) {
    completions.complete(connection) { [self] turn, keepsAlive, response in
      write(outcome, turn, keepsAlive, &response)
    }
  }

  private func write(_ outcome: QuestionOutcome, _ turn: Turn, _ keepsAlive: Bool, _ response: inout ResponseBuffer) {
    current.look()
    let writer = current.writer
    switch outcome {
    case .answer(let answer): write(answer, turn, keepsAlive, &response)
    case .live(let octets, let times):
      // It may have ended while it waited (invariant 4).
      guard times.isValid(at: turn.now) else {
        writer.writeError(.tryLater, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
        return
      }
      writer.writeLive(octets, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
    case .unauthorized:
      writer.writeError(.unauthorized, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
    case .tryLater:
      writer.writeError(.tryLater, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
    }
  }

  private func write(_ answer: Answer, _ turn: Turn, _ keepsAlive: Bool, _ response: inout ResponseBuffer) {
    // It may have ended while it waited (invariant 4).
    guard answer.times.isValid(at: turn.now) else {
      current.writer.writeError(.tryLater, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
      return
    }
    let writer = current.writer
    let head = AnswerHead(answer)
    if let conditional {
      let tag = EntityTag.text(of: answer.digest)
      let isKnown = ConditionalRequest.isNotModified(
        conditional.head, conditional.octets.span, entityTag: tag.span, lastModified: answer.times.producedAt,
        now: turn.now)
      if isKnown, DatedAnswer.canBeNotModified(conditional.head, prefix: answer.prefix.span) {
        writer.writeNotModified(head, answer.key, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
        return
      }
    }
    writer.writeCacheable(
      head, prefix: answer.prefix.span, answer.key, exchange, keepsAlive: keepsAlive, turn: turn, to: &response)
  }
}
