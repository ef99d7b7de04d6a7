import HTTP1
import HTTPServer

/// One answer of the control socket.
struct ControlAnswer: Sendable {
  var status: Int
  var contentType: String
  var body: String
  /// The value of the Allow field, which a 405 must have (RFC 9110 15.5.6).
  var allow: String?

  init(_ status: Int, _ contentType: String, _ body: String) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  static func plain(_ status: Int, _ body: String) -> ControlAnswer { ControlAnswer(status, "text/plain", body) }

  static func notAllowed(_ allow: String) -> ControlAnswer {
    var answer = plain(405, "not with this method\n")
    answer.allow = allow
    return answer
  }

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
    if let allow {
      response.append("\r\nAllow: ")
      response.append(Array(allow.utf8))
    }
    response.append("\r\nCache-Control: no-store\r\n")
    response.appendConnection(keepsAlive: keepsAlive, minorVersion: minorVersion)
    response.append("\r\n")
    if !isHead { response.append(octets) }
  }
}
