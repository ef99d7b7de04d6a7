import CalendarTime
import LoadReport
import OCSP

/// Puts a failure in words.
enum ExampleText {
  /// - Parameters:
  ///   - after: nanoseconds since the begin of the run.
  ///   - answer: the first octets that came.
  ///   - explanation: nil where the answer itself says it.
  static func example(
    _ kind: AnswerKind, _ question: Question, _ writer: RequestWriter, after: Int64, answer: [UInt8],
    explanation: String?, now: UnixTime
  ) -> Example {
    let request = writer.octets(question)
    let line = request.prefix { $0 != 0x0D }.split(separator: 0x20)
    let target = line.count > 1 ? String(decoding: line[1], as: UTF8.self) : ""
    return Example(
      kind: kind, afterMilliseconds: Double(after) / 1e6, method: question.isPost ? "POST" : "GET", target: target,
      bodyHexadecimal: question.isPost ? hexadecimal(body(of: request)) : "",
      answerHexadecimal: hexadecimal(answer), explanation: explanation ?? words(kind, question, writer, answer, now))
  }

  private static func body(of message: [UInt8]) -> ArraySlice<UInt8> {
    let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
    var start = 0
    while start + 4 <= message.count {
      if Array(message[start..<start + 4]) == end { return message[(start + 4)...] }
      start += 1
    }
    return []
  }

  private static func hexadecimal(_ octets: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static func words(
    _ kind: AnswerKind, _ question: Question, _ writer: RequestWriter, _ answer: [UInt8], _ now: UnixTime
  ) -> String {
    let serial = writer.questioner.serial(of: question).hexadecimal
    let firstLine = String(decoding: answer.prefix { $0 != 0x0D && $0 != 0x0A }.prefix(80), as: UTF8.self)
    switch kind {
    case .httpStatus: return "'\(firstLine)' where 200 is expected"
    case .notHTTP: return "this is no HTTP answer"
    case .wrongContentType: return "the Content-Type is not application/ocsp-response"
    case .contentLength: return "no length of the body that can be: none, two, or more than 128 KiB"
    case .malformedResponse: return "the body is no OCSP response in DER"
    case .internalError, .sigRequired, .malformedRequest:
      return "the answer is \(kind.rawValue) to a well-formed question about \(serial)"
    case .wrongCertID: return "no entry of the answer is about \(serial) with \(question.hash.name)"
    case .wrongNonce: return "the nonce in the answer is not the one that was sent"
    case .expired: return "nextUpdate has passed (at \(now.iso8601))"
    case .fromTheFuture: return "thisUpdate or producedAt lies in the future (at \(now.iso8601))"
    case .unexpectedStatus: return unexpected(question, writer, serial)
    default: return kind.words
    }
  }

  private static func unexpected(_ question: Question, _ writer: RequestWriter, _ serial: String) -> String {
    switch question.subject {
    case .malformed: return "a request that was damaged was answered; malformedRequest or HTTP 400 is expected"
    case .unknown: return "good for the serial \(serial), which was invented"
    case .listed:
      switch writer.questioner.expectation(of: question) {
      case .good: return "good is expected of \(serial)"
      case .revoked: return "revoked is expected of \(serial)"
      case .issued, .any: return "good or revoked is expected of \(serial): it was issued"
      }
    }
  }
}
