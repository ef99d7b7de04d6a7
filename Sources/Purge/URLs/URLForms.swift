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
/// - without extensions, and with the AcceptableResponses that NSS sends; with the version written out, as Apple's clients and
///   Botan do;
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

  /// Two of each responder's URL: what most clients ask for, percent-coded and raw.
  public func common(_ serial: SerialNumber) -> [PurgeURL] {
    guard let (algorithm, identifier) = identifiers.first else { return [] }
    let request = request(serial, algorithm, identifier, .plain)
    var forms: [PurgeURL] = []
    for coding in [Coding.upper, .raw] {
      let text = coding.text(request)
      for url in urls where !forms.contains(PurgeURL(host: url.host, target: "\(url.path)/\(text)")) {
        forms.append(PurgeURL(host: url.host, target: "\(url.path)/\(text)"))
      }
    }
    return forms
  }

  private func texts(_ serial: SerialNumber) -> [String] {
    var requests: [[UInt8]] = []
    for writing in [Writing.plain, .withoutNull] {
      for (algorithm, identifier) in identifiers {
        requests.append(request(serial, algorithm, identifier, writing))
      }
    }
    if let (algorithm, identifier) = identifiers.first, algorithm == .sha1 {
      for writing in [Writing.withVersion, .ofNSS] {
        requests.append(request(serial, algorithm, identifier, writing))
      }
    }
    return Coding.allCases.flatMap { coding in requests.map { coding.text($0) } }
  }

  /// How clients write the request.
  private enum Writing {
    /// Without version, names, extensions and signature.
    case plain
    /// The same, the hash's parameters absent instead of NULL.
    case withoutNull
    /// With `version v1`, which DER leaves out.
    case withVersion
    /// With the extension that NSS adds.
    case ofNSS
  }

  private func request(
    _ serial: SerialNumber, _ algorithm: HashAlgorithm, _ identifier: IssuerIdentifier, _ writing: Writing
  ) -> [UInt8] {
    var certID = DERWriter()
    certID.sequence { writer in
      writer.sequence { writer in
        writer.objectIdentifier(algorithm.objectIdentifier)
        if writing != .withoutNull { writer.null() }
      }
      writer.octetString(identifier.nameHash.octets)
      writer.octetString(identifier.keyHash.octets)
      writer.primitive(.integer, serial.octets)
    }
    let encoded = certID.finish()
    var writer = DERWriter()
    writer.sequence { writer in
      writer.sequence { writer in
        if writing == .withVersion { writer.constructed(.context(0)) { $0.primitive(.integer, [0]) } }
        writer.sequence { writer in writer.sequence { $0.encoded(encoded) } }
        if writing == .ofNSS { writer.encoded(URLForms.acceptableResponses) }
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
