import DER
import HTTP1
public import OCSP
public import Responder

/// Every URL under which clients ask for one certificate, and a cache in front may so hold its answer (RFC 6960 A.1).
///
/// A request that anybody can write in yet another way cannot be listed in full; these are the ways in which clients that
/// were seen write it (standards, quirks 1, 2 and 5):
///
/// - CertIDs of SHA-1 and SHA-256, and of what else is signed ahead; their hash with NULL parameters and with none;
/// - without extensions, and with the AcceptableResponses that NSS sends;
/// - base64 raw, percent-coded in either case, and coded save for slashes, as quoting functions of paths do it;
/// - behind the responder's URL with one slash, and with two.
public struct URLForms: Sendable {
  private let urls: [ResponderURL]
  private let identifiers: [(algorithm: HashAlgorithm, identifier: IssuerIdentifier)]

  /// - Parameter urls: those that the issuer's certificates name.
  public init(_ issuer: Issuer, urls: [ResponderURL]) {
    self.urls = urls
    let wanted = [HashAlgorithm.sha1, .sha256] + issuer.policy.presignedAlgorithms
    identifiers = HashAlgorithm.allCases.filter { wanted.contains($0) }.compactMap { algorithm in
      issuer.identifiers[algorithm].map { (algorithm, $0) }
    }
  }

  /// All of them, each once, the commonest first.
  public func all(_ serial: SerialNumber) -> [PurgeURL] {
    var seen: Set<PurgeURL> = []
    var forms: [PurgeURL] = []
    for text in texts(serial) {
      for url in urls {
        for slashes in ["/", "//"] {
          let form = PurgeURL(host: url.host, target: url.path + slashes + text)
          if seen.insert(form).inserted { forms.append(form) }
        }
      }
    }
    return forms
  }

  /// One of each responder's URL: what most clients ask for.
  public func commonest(_ serial: SerialNumber) -> [PurgeURL] {
    guard let (algorithm, identifier) = identifiers.first else { return [] }
    let text = Coding.upper.text(request(serial, algorithm, identifier, hasNull: true, isOfNSS: false))
    return urls.map { PurgeURL(host: $0.host, target: "\($0.path)/\(text)") }
  }

  private func texts(_ serial: SerialNumber) -> [String] {
    var requests: [[UInt8]] = []
    for hasNull in [true, false] {
      for (algorithm, identifier) in identifiers {
        requests.append(request(serial, algorithm, identifier, hasNull: hasNull, isOfNSS: false))
      }
    }
    if let (algorithm, identifier) = identifiers.first, algorithm == .sha1 {
      requests.append(request(serial, algorithm, identifier, hasNull: true, isOfNSS: true))
    }
    return Coding.allCases.flatMap { coding in requests.map { coding.text($0) } }
  }

  /// An OCSPRequest for one certificate, without version, names and signature.
  private func request(
    _ serial: SerialNumber, _ algorithm: HashAlgorithm, _ identifier: IssuerIdentifier, hasNull: Bool, isOfNSS: Bool
  ) -> [UInt8] {
    var writer = DERWriter()
    writer.sequence { writer in
      writer.sequence { writer in
        writer.sequence { writer in
          writer.sequence { writer in
            writer.sequence { writer in
              writer.sequence { writer in
                writer.objectIdentifier(algorithm.objectIdentifier)
                if hasNull { writer.null() }
              }
              writer.octetString(identifier.nameHash.octets)
              writer.octetString(identifier.keyHash.octets)
              writer.primitive(.integer, serial.octets)
            }
          }
        }
        if isOfNSS { writer.encoded(URLForms.acceptableResponses) }
      }
    }
    return writer.finish()
  }

  /// requestExtensions with AcceptableResponses of id-pkix-ocsp-basic alone (RFC 6960 4.4.3).
  private static let acceptableResponses: [UInt8] = {
    var list = DERWriter()
    list.sequence { $0.objectIdentifier(ObjectIdentifier.basicResponse) }
    let value = OCSPExtension(identifier: ObjectIdentifier.acceptableResponses, value: list.finish()).encoded()
    var writer = DERWriter()
    writer.constructed(.context(2)) { writer in writer.sequence { $0.encoded(value) } }
    return writer.finish()
  }()

  /// How base64 is written into a path.
  private enum Coding: CaseIterable {
    /// `%2B %2F %3D`
    case upper
    /// As it is.
    case raw
    /// `%2b %2f %3d`
    case lower
    /// `%2B / %3D`
    case pathQuoted

    func text(_ request: [UInt8]) -> String {
      let base64 = Base64.encode(request)
      if self == .raw { return String(decoding: base64, as: UTF8.self) }
      var text: [UInt8] = []
      text.reserveCapacity(base64.count + 16)
      for octet in base64 {
        switch octet {
        case UInt8(ascii: "+"): text += self == .lower ? Array("%2b".utf8) : Array("%2B".utf8)
        case UInt8(ascii: "="): text += self == .lower ? Array("%3d".utf8) : Array("%3D".utf8)
        case UInt8(ascii: "/") where self == .upper: text += Array("%2F".utf8)
        case UInt8(ascii: "/") where self == .lower: text += Array("%2f".utf8)
        default: text.append(octet)
        }
      }
      return String(decoding: text, as: UTF8.self)
    }
  }
}
