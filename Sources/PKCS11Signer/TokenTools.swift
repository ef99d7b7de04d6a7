import CP11Kit
public import Responder

/// What an operator does with a token: look at what is there, make keys, make a token.
///
/// Opens and closes a session for every call. Any thread; none of it is meant for the time while answers are served.
public enum TokenTools {
  /// A slot of a module and what is in it.
  public struct Slot: Sendable, Hashable {
    public var id: UInt
    /// Nil where the token cannot be asked.
    public var token: TokenInfo?
  }

  /// The slots of a module that hold a token.
  ///
  /// - Parameter modulePath: the module's file, absolute.
  public static func slots(modulePath: String) throws(TokenError) -> [Slot] {
    let module = TokenModule.at(modulePath)
    return try module.gate.inside { () throws(TokenError) in
      let cryptoki = try module.cryptoki()
      return try cryptoki.slots(withToken: true).map { Slot(id: $0, token: try? cryptoki.tokenInfo($0)) }
    }
  }

  /// The private keys of a token that the URI's `object` and `id` fit, at most 256; logs in where a PIN is named.
  ///
  /// Without a PIN source a token shows the keys that are not private (CKA_PRIVATE), mostly none.
  public static func keys(_ uri: PKCS11URI) throws(TokenError) -> [TokenKey] {
    try TokenSession.with(uri, mayStayLoggedOut: true) { session throws(TokenError) in
      try session.search.keys(object: uri.object, id: uri.id)
    }
  }

  /// What to say of a URI that no key fits: begins with `; `, and is empty where there is nothing to say.
  public static func hint(_ uri: PKCS11URI) throws(TokenError) -> String {
    var all = uri
    (all.object, all.id) = (nil, nil)
    return KeySearch.hint(uri, try keys(all))
  }

  /// The public key that belongs to a private one, as DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
  public static func publicKey(_ uri: PKCS11URI) throws(TokenError) -> [UInt8] {
    try TokenSession.with(uri) { session throws(TokenError) in
      let handles = try session.search.handles(object: uri.object, id: uri.id, limit: 2)
      guard let handle = handles.first, handles.count == 1 else {
        let there = try session.search.keys()
        let keys = there.map(\.description).joined(separator: ", ")
        let count = handles.isEmpty ? "none" : "several"
        throw TokenError(
          "\(uri.keyText) in token \(session.info): expected one private key, found \(count); what is there: "
            + (keys.isEmpty ? "no private key" : keys) + KeySearch.hint(uri, there), .giveUp)
      }
      return try PublicKeyReader(session).subjectPublicKeyInfo(of: handle)
    }
  }

  /// Makes a key pair in the token: it never leaves it (CKA_SENSITIVE, not CKA_EXTRACTABLE), and only signs.
  ///
  /// - Parameters:
  ///   - uri: `object` names the new key; `id` is drawn at random where it is left out.
  ///   - kind: P-256, P-384, P-521, RSA 2048, 3072 or 4096, Ed25519 where the token has it.
  /// - Returns: the key, with its id.
  /// - Throws: where a key of that label or id is there already; what the token refuses.
  public static func generateKeyPair(_ uri: PKCS11URI, _ kind: KeyKind) throws(TokenError) -> TokenKey {
    guard let label = uri.object, !label.isEmpty else {
      throw TokenError("the new key needs a name: expected object= in the URI", .giveUp)
    }
    return try TokenSession.with(uri, isReadWrite: true) { session throws(TokenError) in
      try KeyGeneration(session: session, kind: kind, label: label, id: uri.id).run()
    }
  }

  /// Makes a token in a slot whose token is not initialised yet: for demonstrations and tests. One of that label whose
  /// making was cut off before the user had a PIN is brought to its end.
  ///
  /// - Parameters:
  ///   - label: up to 32 octets; no token of the module with a user's PIN may have it yet.
  ///   - securityOfficerPIN: sets user PINs later.
  ///   - pin: the user's.
  /// - Throws: where there is no free slot, or the label is taken.
  public static func initializeToken(
    modulePath: String, label: String, securityOfficerPIN: String, pin: String
  ) throws(TokenError) -> TokenInfo {
    guard let padded = PaddedText.padded(label, count: 32), !label.isEmpty else {
      throw TokenError("the token's name '\(label)' has \(label.utf8.count) octets; 1 to 32 are possible", .giveUp)
    }
    let cryptoki = try TokenModule.at(modulePath).cryptoki()
    let slots = try slots(modulePath: modulePath)
    let begun = slots.first { $0.token.map { $0.isInitialized && $0.label == label } ?? false }
    if let token = begun?.token, token.hasUserPIN {
      throw TokenError("\(modulePath) has a token \(token) already; nothing was changed", .giveUp)
    }
    guard let slot = begun ?? slots.first(where: { $0.token.map { !$0.isInitialized } ?? false }) else {
      throw TokenError("\(modulePath) has no slot with a token to initialise", .giveUp)
    }
    var officerPIN = Array(securityOfficerPIN.utf8)
    if begun == nil { try cryptoki.initializeToken(slot.id, soPIN: officerPIN, label: padded) }
    let session = try cryptoki.openSession(slot.id, isReadWrite: true)
    defer { cryptoki.closeSession(session) }
    let code = cryptoki.logIn(session, CKU_SO, pin: &officerPIN)
    guard code == .ok else { throw TokenError(call: "C_Login as security officer", code) }
    defer { cryptoki.logOut(session) }
    try cryptoki.initializePIN(session, Array(pin.utf8))
    return try cryptoki.tokenInfo(slot.id)
  }
}
