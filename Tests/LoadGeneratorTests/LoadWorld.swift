import CalendarTime
import EventLoop
import HTTP1
import OCSP
import Testing

@testable import LoadGenerator

/// An issuer, serials and answers for tests; nothing is signed.
enum LoadWorld {
  static func issuer() throws -> IssuerHashes {
    var hashes = IssuerHashes()
    for (number, algorithm) in HashAlgorithm.allCases.enumerated() {
      let count = algorithm.digestCount
      hashes.set(
        algorithm, name: try #require(Digest([UInt8](repeating: UInt8(number + 1), count: count))),
        key: try #require(Digest([UInt8](repeating: UInt8(number + 101), count: count))))
    }
    return hashes
  }

  /// A serial of so many octets that is not negative and not written longer than need be.
  static func serial(octets: Int, _ last: UInt8 = 7) throws -> SerialNumber {
    var content = (0..<octets).map { UInt8(truncatingIfNeeded: 0x21 &+ $0 &* 37) }
    content[octets - 1] = last
    content[0] = content[0] & 0x7F | 1
    return try #require(SerialNumber(content: content))
  }

  static func serials(_ count: Int) throws -> SerialList {
    SerialList(try (0..<count).map { try #require(SerialNumber(hexadecimal: "4\(String($0 + 1, radix: 16))")) })
  }

  static func writer(
    serials: SerialList, mix: QuestionMix = QuestionMix(), form: RequestForm = RequestForm(),
    url: String = "http://127.0.0.1:8080/ocsp"
  ) throws -> RequestWriter {
    RequestWriter(
      questioner: Questioner(serials: serials, mix: mix), issuer: try issuer(), target: try LoadTarget(url), form: form)
  }

  static let now = UnixTime(seconds: 1_800_000_000)

  /// What an answer in a test says.
  struct Saying {
    var status = CertificateStatus.good
    var thisUpdate = now.advanced(bySeconds: -60)
    var nextUpdate: UnixTime? = now.advanced(bySeconds: 3600)
    /// The extnValue content.
    var nonce: [UInt8]?
  }

  static func answer(_ encodedCertIDs: [[UInt8]], _ saying: Saying = Saying()) -> [UInt8] {
    let singles = encodedCertIDs.map {
      SingleResponse(
        encodedCertID: $0, status: saying.status, thisUpdate: saying.thisUpdate, nextUpdate: saying.nextUpdate)
    }
    let data = ResponseData(
      responderID: .byName([0x30, 0x00]), producedAt: saying.thisUpdate, responses: singles, nonce: saying.nonce,
      isExtendedRevoke: false)
    return BasicOCSPResponse.encoded(
      tbsResponseData: data.encoded(), signatureAlgorithm: [0x30, 0x00], signature: [1, 2, 3], certificates: [])
  }

  static func errorAnswer(_ status: OCSPResponseStatus) -> [UInt8] { [0x30, 0x03, 0x0A, 0x01, status.rawValue] }

  /// A whole HTTP answer.
  static func http(
    _ body: [UInt8], status: String = "200 OK", type: String = "application/ocsp-response", fields: String = ""
  ) -> [UInt8] {
    Array(
      "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\(fields)\r\n".utf8) + body
  }
}
