import OCSP

/// What a record may have an answer carry in its singleExtensions (RFC 6960 4.4).
enum SingleExtensionRules {
  /// What is wrong with them, for a message; nil where nothing is.
  static func objection(to extensions: [OCSPExtension]) -> String? {
    var seen: Set<[UInt8]> = []
    for one in extensions {
      guard let name = ObjectIdentifier.text(of: one.identifier) else {
        return "an extension has no OBJECT IDENTIFIER that could be one"
      }
      if let place = placeElsewhere(one.identifier) { return "\(name) does not belong there: \(place)" }
      if one.isCritical {
        return "\(name) is critical; clients refuse an answer with a critical extension that they do not know"
      }
      guard seen.insert(one.identifier).inserted else {
        return "\(name) is there twice; each extension is possible once"
      }
    }
    return nil
  }

  /// What an extension is that is none of a single response.
  private static func placeElsewhere(_ identifier: [UInt8]) -> String? {
    switch identifier {
    // RFC 6960 4.4.5 would let it in.
    case ObjectIdentifier.reasonCode: "it is the reasonCode (forbidden by TLS BR 7.3.2), which the column reason tells"
    case ObjectIdentifier.nonce: "it is the nonce of one request (RFC 9654 2.1)"
    case ObjectIdentifier.extendedRevoke: "it is about unissued serials, in the whole response (RFC 6960 4.4.8)"
    case ObjectIdentifier.acceptableResponses, ObjectIdentifier.serviceLocator,
      ObjectIdentifier.preferredSignatureAlgorithms:
      "it is an extension of requests (RFC 6960 4.4)"
    default: nil
    }
  }
}
