import COpenSSL

/// What the rules ask of a certificate beyond who issued it.
extension Certificate {
  /// The object identifiers, in dots, of critical extensions that OpenSSL does not know: whoever verifies with it refuses
  /// the certificate for one of them (RFC 5280 4.2).
  public var unknownCriticalExtensions: [String] {
    var found: [String] = []
    for place in 0..<(unsafe X509_get_ext_count(handle)) {
      guard let one = unsafe X509_get_ext(handle, place), unsafe X509_EXTENSION_get_critical(one) == 1,
        unsafe X509_supported_extension(one) == 0
      else { continue }
      var text = [CChar](repeating: 0, count: 128)
      unsafe OBJ_obj2txt(&text, Int32(text.count), X509_EXTENSION_get_object(one), 1)
      found.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return found
  }

  /// `SHA-1` or `MD5` where the certificate is signed with one of them; nil for hashes that hold.
  public var brokenSignatureHash: String? {
    defer { ERR_clear_error() }
    var digest: Int32 = 0
    guard unsafe X509_get_signature_info(handle, &digest, nil, nil, nil) == 1 else { return nil }
    switch digest {
    case NID_sha1: return "SHA-1"
    case NID_md5: return "MD5"
    default: return nil
    }
  }

  /// How an extension stands in a certificate.
  enum Presence {
    case absent
    case present(isCritical: Bool)
  }

  func presence(_ identifier: Int32) -> Presence {
    let place = unsafe X509_get_ext_by_NID(handle, identifier, -1)
    guard place >= 0, let one = unsafe X509_get_ext(handle, place) else { return .absent }
    return .present(isCritical: unsafe X509_EXTENSION_get_critical(one) == 1)
  }

  func has(_ identifier: Int32) -> Bool {
    if case .present = presence(identifier) { true } else { false }
  }

  /// The octets of an extension's value; nil where there is none.
  func value(of identifier: Int32) -> [UInt8]? {
    let place = unsafe X509_get_ext_by_NID(handle, identifier, -1)
    guard place >= 0, let value = unsafe X509_EXTENSION_get_data(X509_get_ext(handle, place)) else { return nil }
    return unsafe Array(
      UnsafeBufferPointer(start: ASN1_STRING_get0_data(value), count: Int(ASN1_STRING_length(value))))
  }

  /// How many purposes the extended key usage lists, unknown ones among them.
  var extendedKeyUsageCount: Int { unsafe Int(avouch_extended_key_usage_count(handle)) }

  /// Whether the basicConstraints say CA:TRUE, whatever the keyUsage says.
  var hasAuthorityConstraint: Bool { unsafe X509_get_extension_flags(handle) & UInt32(EXFLAG_CA) != 0 }

  /// Whether the keyUsage is digitalSignature and nothing else, marked critical.
  var hasDigitalSignatureAlone: Bool {
    guard case .present(isCritical: true) = presence(NID_key_usage) else { return false }
    return unsafe X509_get_key_usage(handle) == UInt32(KU_DIGITAL_SIGNATURE)
  }

  /// Whether the authorityInfoAccess says where to ask about this certificate.
  var namesOCSPResponder: Bool { unsafe avouch_names_ocsp_responder(handle) == 1 }
}
