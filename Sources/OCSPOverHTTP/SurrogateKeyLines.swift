import HTTP1
import OCSP
import Responder

/// The header lines with an answer's surrogate keys. All but the serial is made ahead: writing allocates nothing
/// (invariant 6).
struct SurrogateKeyLines: Sendable {
  /// By field: what stands before the serial's digits.
  private let beginnings: [[UInt8]]
  /// What stands behind them: the fields of the first issuer, then those of the next.
  private let endings: [[UInt8]]

  init(_ directory: IssuerDirectory) {
    let fields = directory.surrogateKeyFields
    beginnings = fields.map { Array("\($0.rawValue): \(SurrogateKey.certificatePrefix)".utf8) }
    endings = directory.issuers.issuers.flatMap { issuer in
      fields.map { field in
        let suffix = SurrogateKey.certificateSuffix(issuerName: issuer.name)
        return Array("\(suffix)\(field.separator)\(SurrogateKey.text(issuerName: issuer.name))\r\n".utf8)
      }
    }
  }

  /// Whether there are no such fields.
  var isEmpty: Bool { beginnings.isEmpty }

  func write(_ key: ResponseKey, to response: inout ResponseBuffer) {
    let count = beginnings.count
    guard count > 0 else { return }
    let digits = SurrogateKeyLines.digits(of: key.serial)
    for field in 0..<count {
      response.append(beginnings[field])
      response.append(digits.span.extracting(0..<2 * key.serial.count))
      response.append(endings[Int(key.issuer.value) * count + field])
    }
  }

  /// As `SerialNumber` prints itself; the rest is zero.
  private static func digits(of serial: SerialNumber) -> InlineArray<64, UInt8> {
    let digits: StaticString = "0123456789ABCDEF"
    var text = InlineArray<64, UInt8>(repeating: 0)
    for index in 0..<serial.count {
      let octet = serial[index]
      text[2 * index] = unsafe digits.utf8Start[Int(octet >> 4)]
      text[2 * index + 1] = unsafe digits.utf8Start[Int(octet & 15)]
    }
    return text
  }
}
