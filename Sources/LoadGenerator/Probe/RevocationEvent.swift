public import CalendarTime
import HTTP1
public import OCSP
import OpenSSLCrypto

/// A `certificate.revoked` event as a request, signed as the Standard Webhooks specification says.
public struct RevocationEvent: Sendable {
  /// As the responder's configuration calls the issuer.
  public var issuerName: String
  public var serial: SerialNumber
  /// `webhook-id`: its own for each event.
  public var identifier: String
  public var time: UnixTime

  public init(issuerName: String, serial: SerialNumber, identifier: String, time: UnixTime) {
    self.issuerName = issuerName
    self.serial = serial
    self.identifier = identifier
    self.time = time
  }

  var body: String {
    "{\"type\":\"certificate.revoked\",\"timestamp\":\"\(time.iso8601)\",\"data\":{\"issuer\":\"\(escapedName)\","
      + "\"serial\":\"\(serial.hexadecimal)\",\"reason\":\"superseded\"}}"
  }

  /// RFC 8259 7.
  private var escapedName: String {
    issuerName.unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  /// - Parameter key: of the secret that receiver and sender share.
  func request(to target: LoadTarget, key: [UInt8]) throws(CryptoError) -> [UInt8] {
    let body = Array(body.utf8)
    let signed = Array("\(identifier).\(time.seconds).".utf8) + body
    let code = Base64.encode(try MessageAuthentication.hmacSHA256(key: key, signed))
    let fields = [
      "POST \(target.path) HTTP/1.1", "Host: \(target.authority)", "Content-Type: application/json",
      "Content-Length: \(body.count)", "webhook-id: \(identifier)", "webhook-timestamp: \(time.seconds)",
      "webhook-signature: v1,\(String(decoding: code, as: UTF8.self))",
    ]
    return Array((fields.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
  }
}
