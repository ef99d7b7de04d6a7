import CalendarTime
import LoadReport
import OCSP

/// What became of a request, from its answer.
enum AnswerJudge {
  /// - Parameters:
  ///   - head: the CertID of the question up to its serial.
  ///   - body: of the answer, without framing.
  static func kind(
    _ question: Question, _ questioner: Questioner, head: Span<UInt8>, answer: ResponseHead, body: Span<UInt8>,
    now: UnixTime
  ) -> AnswerKind {
    switch answer.status {
    case 200: break
    case 304: return .notModified
    case 429, 503: return .refused
    case 400:
      if case .malformed = question.subject { return .rejectedByStatus }
      return .httpStatus
    default: return .httpStatus
    }
    guard answer.isOCSPType else { return .wrongContentType }
    let check = AnswerCheck(body, now: now)
    let serial = questioner.serial(of: question)
    let statement: AnswerCheck.Statement
    if question.hasNonce {
      let nonce = questioner.nonce(of: question)
      statement = check.statement(head: head, serial: serial, nonce: nonce.span)
    } else {
      statement = check.statement(head: head, serial: serial, nonce: nil)
    }
    return kind(statement, question.subject, questioner.expectation(of: question))
  }

  /// Whether the question can have that answer.
  private static func kind(
    _ statement: AnswerCheck.Statement, _ subject: Question.Subject, _ expected: SerialList.Expectation
  ) -> AnswerKind {
    if case .malformed = subject {
      switch statement {
      case .status(.malformedRequest): return .rejected
      case .status(.tryLater): return .tryLater
      case .wrong(.malformedResponse): return .malformedResponse
      case .status, .good, .revoked, .unknown, .wrong: return .unexpectedStatus
      }
    }
    let isInvented = subject == .unknown
    switch statement {
    case .wrong(let kind): return kind
    case .status(.successful): return .malformedResponse
    case .status(.malformedRequest): return .malformedRequest
    case .status(.internalError): return .internalError
    case .status(.sigRequired): return .sigRequired
    case .status(.tryLater): return .tryLater
    case .status(.unauthorized): return isInvented || expected == .any ? .unauthorized : .unexpectedStatus
    case .unknown: return isInvented || expected == .any ? .unknown : .unexpectedStatus
    case .good: return isInvented || expected == .revoked ? .unexpectedStatus : .good
    // Of what was never issued too, with the extended definition of revoked (RFC 6960 2.2).
    case .revoked: return expected == .good ? .unexpectedStatus : .revoked
    }
  }
}
