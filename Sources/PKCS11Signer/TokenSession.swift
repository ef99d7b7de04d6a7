import CP11Kit

/// A session of a token for the length of one task, logged in.
struct TokenSession {
  let cryptoki: Cryptoki
  let handle: CK_SESSION_HANDLE
  let slot: CK_SLOT_ID
  let info: TokenInfo

  /// Opens a session, and closes it behind the body.
  ///
  /// - Parameter mayStayLoggedOut: do without a login where the URI names no PIN.
  static func with<Result>(
    _ uri: PKCS11URI, isReadWrite: Bool = false, mayStayLoggedOut: Bool = false,
    _ body: (TokenSession) throws(TokenError) -> Result
  ) throws(TokenError) -> Result {
    let token = Token(uri)
    return try token.module.gate.inside { () throws(TokenError) in
      let cryptoki = try token.module.cryptoki()
      let (slot, info) = try token.locate(cryptoki)
      let session = TokenSession(
        cryptoki: cryptoki, handle: try cryptoki.openSession(slot, isReadWrite: isReadWrite), slot: slot, info: info)
      defer { cryptoki.closeSession(session.handle) }
      if !mayStayLoggedOut || uri.pinSource != nil {
        try token.logIn(cryptoki, session.handle, slot: slot, info: info)
      }
      return try body(session)
    }
  }

  var search: KeySearch { KeySearch(cryptoki: cryptoki, session: handle, slot: slot, token: info) }

  func attribute(_ object: CK_OBJECT_HANDLE, _ type: CK_ATTRIBUTE_TYPE) throws(TokenError) -> [UInt8]? {
    try cryptoki.attribute(handle, object, type)
  }
}
