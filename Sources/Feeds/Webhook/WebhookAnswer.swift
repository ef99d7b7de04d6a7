import HTTP1
import HTTPServer
import Responder

/// One answer of the receiver: a result, or a problem (RFC 9457), as JSON.
struct WebhookAnswer: Sendable {
  var status: Int
  var reason: StaticString
  var contentType: StaticString = "application/problem+json"
  var body: String
  /// Seconds.
  var retryAfter: Int?
  var allow: StaticString?

  private init(_ status: Int, _ reason: StaticString, body: String) {
    self.status = status
    self.reason = reason
    self.body = body
  }

  /// - Parameter field: what of the message is wrong.
  static func problem(
    _ status: Int, _ reason: StaticString, _ detail: String, field: String? = nil, retryAfter: Int? = nil
  ) -> WebhookAnswer {
    let named = field.map { $0.isEmpty ? "" : ",\"field\":\(quoted($0))" } ?? ""
    let title = reason.withUTF8Buffer { unsafe String(decoding: $0, as: UTF8.self) }
    var answer = WebhookAnswer(
      status, reason,
      body:
        "{\"type\":\"about:blank\",\"title\":\(quoted(title)),\"status\":\(status),\"detail\":\(quoted(detail))\(named)}"
    )
    answer.retryAfter = retryAfter
    return answer
  }

  static func taken(_ receipt: MessageReceipt) -> WebhookAnswer {
    var answer = WebhookAnswer(
      200, "OK",
      body: "{\"revision\":\(receipt.revision.value),\"changed\":\(receipt.changed),\"unchanged\":\(receipt.unchanged)}"
    )
    answer.contentType = "application/json"
    return answer
  }

  static func notAllowed() -> WebhookAnswer {
    var answer = problem(405, "Method Not Allowed", "events are sent with POST")
    answer.allow = "POST"
    return answer
  }

  private static func quoted(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": json += "\\\""
      case "\\": json += "\\\\"
      case "\n": json += "\\n"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: json.unicodeScalars.append(scalar)
      }
    }
    return json + "\""
  }

  func write(
    _ head: (isHead: Bool, minorVersion: UInt8), keepsAlive: Bool, turn: Turn, to response: inout ResponseBuffer
  ) {
    let octets = Array((body + "\n").utf8)
    response.append("HTTP/1.1 ")
    response.appendDecimal(status)
    response.append(" ")
    response.append(reason)
    response.append("\r\nContent-Type: ")
    response.append(contentType)
    response.append("\r\nContent-Length: ")
    response.appendDecimal(octets.count)
    response.append("\r\nDate: ")
    response.append(turn.date)
    if let retryAfter {
      response.append("\r\nRetry-After: ")
      response.appendDecimal(retryAfter)
    }
    if let allow {
      response.append("\r\nAllow: ")
      response.append(allow)
    }
    response.append("\r\nCache-Control: no-store\r\n")
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: head.minorVersion)
    response.append("\r\n")
    if !head.isHead { response.append(octets) }
  }
}
