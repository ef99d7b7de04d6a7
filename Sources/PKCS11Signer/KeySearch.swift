import CP11Kit
import Responder

/// Finds the private key that a URI names, and looks at whether it can sign with a scheme.
struct KeySearch {
  let cryptoki: Cryptoki
  let session: CK_SESSION_HANDLE
  let slot: CK_SLOT_ID
  let token: TokenInfo

  /// Keys that an error message or a list names; a token may hold thousands.
  static let listLimit = 256

  /// Private keys with that label and id; nil matches any.
  func handles(object: String?, id: [UInt8]?, limit: Int) throws(TokenError) -> [CK_OBJECT_HANDLE] {
    var template = AttributeTemplate()
    template.add(CKA_CLASS, CKO_PRIVATE_KEY)
    if let object { template.add(CKA_LABEL, Array(object.utf8)) }
    if let id { template.add(CKA_ID, id) }
    return try cryptoki.objects(session, template, limit: limit)
  }

  func keys(object: String? = nil, id: [UInt8]? = nil) throws(TokenError) -> [TokenKey] {
    var keys: [TokenKey] = []
    for handle in try handles(object: object, id: id, limit: KeySearch.listLimit) {
      keys.append(try TokenKey(cryptoki, session, handle))
    }
    return keys
  }

  /// The one key that the URI names, checked against the scheme.
  func key(_ uri: PKCS11URI, for scheme: SignatureScheme) throws(TokenError) -> CK_OBJECT_HANDLE {
    let found = try handles(object: uri.object, id: uri.id, limit: 2)
    guard let handle = found.first else {
      let there = try keys()
      throw TokenError(
        "\(uri.keyText) is not in token \(token), which has \(text(there, none: "no private key"))"
          + KeySearch.hint(uri, there), .giveUp)
    }
    guard found.count == 1 else {
      let keys = try keys(object: uri.object, id: uri.id)
      throw TokenError(
        "\(uri.keyText) in token \(token) may be one of \(text(keys, none: "several")); give both object= and id= in "
          + "the URI", .giveUp)
    }
    try check(try TokenKey(cryptoki, session, handle), scheme)
    return handle
  }

  /// What to say where the digits by which people read an id were given as the id itself; empty where they were not.
  static func hint(_ uri: PKCS11URI, _ keys: [TokenKey]) -> String {
    guard let given = uri.id.map({ String(decoding: $0, as: UTF8.self).lowercased() }), !given.isEmpty,
      let key = keys.first(where: { Hexadecimal.text($0.id) == given })
    else { return "" }
    return "; in a URI each octet of an id has a '%': \(key.uriAttributes)"
  }

  private func text(_ keys: [TokenKey], none: String) -> String {
    keys.isEmpty ? none : keys.map(\.description).joined(separator: ", ")
  }

  private func check(_ key: TokenKey, _ scheme: SignatureScheme) throws(TokenError) {
    let wanted = scheme.key
    // A token that does not tell the curve is believed; the trial signature will show.
    guard key.family == KeyFamily(wanted), key.kind == nil || key.kind == wanted else {
      throw TokenError("key \(key) in token \(token): expected \(wanted), as in the certificate", .giveUp)
    }
    if key.canSign == false {
      throw TokenError("key \(key) in token \(token) may not sign: its attribute CKA_SIGN is false", .giveUp)
    }
    if key.wantsPINAlways == true {
      throw TokenError(
        "key \(key) in token \(token) wants the PIN before every signature (CKA_ALWAYS_AUTHENTICATE); expected a key "
          + "that signs after one login", .giveUp)
    }
    let mechanism = SigningMechanism(scheme)
    let info = try cryptoki.mechanismInfo(slot, mechanism.type)
    guard let info, info.flags & CKF_SIGN != 0 else {
      let known = SigningMechanism.names(for: key.family)
      let there = try cryptoki.mechanisms(slot).compactMap { known[$0] }
      throw TokenError(
        "token \(token) cannot sign with \(mechanism.name), which \(scheme.text) needs; for this kind of key it has "
          + (there.isEmpty ? "none that signs" : there.joined(separator: ", ")), .giveUp)
    }
  }
}
