import CP11Kit
import Responder

/// One thread's session with a token: signs, and opens itself anew when the token has lost it.
final class PKCS11SigningSession: SigningSession {
  private let signer: PKCS11Signer
  private let call: SigningCall
  private var connection: Connection?
  /// The token refused a signature for want of a login: log in whatever it says.
  private var insistsOnLogin = false
  private let verifiedShare: Double
  /// Grows by the share with every signature; a verification takes 1 from it.
  private var verificationDebt = 0.0

  /// A session of the token that is open, and the key in it.
  private struct Connection {
    let cryptoki: Cryptoki
    let slot: CK_SLOT_ID
    let session: CK_SESSION_HANDLE
    let key: CK_OBJECT_HANDLE
    /// Of the module when the session was opened.
    let generation: UInt
  }

  private var module: TokenModule { signer.token.module }

  init(_ signer: PKCS11Signer) {
    self.signer = signer
    call = SigningCall(signer.mechanism, digest: signer.digest)
    if case .rsa = signer.scheme.key { verifiedShare = 1 } else { verifiedShare = signer.options.verifiedShare }
  }

  deinit {
    if let connection { end(connection) }
  }

  func open() throws(SigningError) {
    try persist { (_: Connection) throws(TokenError) in }
  }

  func sign(_ tbsResponseData: [UInt8]) throws(SigningError) -> [UInt8] {
    try persist { connection throws(TokenError) in
      let signature = try call.sign(tbsResponseData, connection.cryptoki, connection.session, connection.key)
      verificationDebt += signer.isSuspect ? 1 : verifiedShare
      if verificationDebt >= 1 {
        verificationDebt -= 1
        guard signer.verify(signature, tbsResponseData) else {
          signer.suspect()
          throw doesNotVerify
        }
      }
      return signature
    }
  }

  private var doesNotVerify: TokenError {
    var error = TokenError("the token returned a signature that does not verify", .reopenSlot)
    error.isFalseSignature = true
    error.isFinal = true
    return error
  }

  // MARK: - Trying again

  /// Does something in an open session, and again with what helps where it fails.
  private func persist<Result>(
    _ body: (Connection) throws(TokenError) -> Result
  ) throws(SigningError) -> Result {
    var attempt = 0
    while true {
      var isOpen = false
      do throws(TokenError) {
        let result = try module.gate.inside { () throws(TokenError) in
          let connection = try connected()
          isOpen = true
          return try body(connection)
        }
        module.health.succeeded()
        return result
      } catch {
        var error = error
        // Opening looks at everything that could be set up wrongly: what it gives up on stays wrong. What a signature
        // gives up on is tried once more behind such a look, which says it better than a code does.
        // Of a token that has no session left another thread has to give one back first. And a login that failed is not
        // for us to repeat: each may cost one of the few PINs that a token lets be wrong.
        let isHopeless =
          error.isFinal || (error.reaction == .giveUp && !isOpen) || error.isCrowded || error.isAboutLogin
        let helped = react(&error)
        attempt += 1
        guard !isHopeless, helped, attempt <= signer.options.retries else { throw signingError(error) }
      }
    }
  }

  /// Prepares the next attempt. False where that failed, and there is no use in one.
  private func react(_ error: inout TokenError) -> Bool {
    let generation = connection?.generation ?? module.generation
    if let connection {
      // A session that the module no longer knows is not closed: its number may be another's by now.
      let isGone = [.sessionHandleInvalid, .sessionClosed, .cryptokiNotInitialized].contains(error.code)
      end(connection, isGone: isGone)
    }
    if error.isAboutModule {
      signer.token.forgetSlot()
      let renewal = module.renew(after: generation)
      if renewal == .othersWork {
        error.description += "; the module is not initialised anew, since another token of it works"
      }
      if renewal == .done { return true }
    }
    switch error.reaction {
    case .newSession: return true
    case .logIn: insistsOnLogin = true
    case .reopenSlot, .giveUp: signer.token.forgetSlot()
    case .initialize:
      signer.token.forgetSlot()
      do { try module.initializeAgain(after: generation) } catch { return false }
    }
    return true
  }

  private func signingError(_ error: TokenError) -> SigningError {
    var scope = error.scope
    // The key has signed before: whatever is missing now may come back with the token. A refused PIN never does.
    if scope == .configuration, signer.isProven, !error.isAboutLogin { scope = .token }
    return SigningError("\(signer.uri): \(error)", scope: scope, isFalseSignature: error.isFalseSignature)
  }

  // MARK: - Opening and closing

  private func connected() throws(TokenError) -> Connection {
    if let connection {
      if connection.generation == module.generation { return connection }
      // The module was initialised anew since: the session is gone.
      forget(connection)
    }
    let cryptoki = try module.cryptoki()
    let generation = module.generation
    let (slot, info) = try signer.token.locate(cryptoki)
    let session = try openSession(cryptoki, slot, info)
    do {
      try signer.token.logIn(cryptoki, session, slot: slot, info: info, insists: insistsOnLogin)
      insistsOnLogin = false
      let search = KeySearch(cryptoki: cryptoki, session: session, slot: slot, token: info)
      let key = try search.key(signer.uri, for: signer.scheme)
      let connection = Connection(
        cryptoki: cryptoki, slot: slot, session: session, key: key, generation: generation)
      try tryOut(connection)
      self.connection = connection
      module.health.opened(slot)
      return connection
    } catch {
      cryptoki.closeSession(session)
      throw error
    }
  }

  private func openSession(
    _ cryptoki: Cryptoki, _ slot: CK_SLOT_ID, _ info: TokenInfo
  ) throws(TokenError) -> CK_SESSION_HANDLE {
    do { return try cryptoki.openSession(slot) } catch {
      guard error.code == .sessionCount else { throw error }
      let limit = info.maximumSessions.map { "at most \($0)" } ?? "no number that it tells"
      var crowded = error.at("the token has no session left for another thread (it allows \(limit))")
      crowded.isCrowded = true
      throw crowded
    }
  }

  /// An empty SEQUENCE: no tbsResponseData, and nothing else that anybody would take for signed.
  private static let trialMessage: [UInt8] = [0x30, 0x00]

  /// One signature that must verify. A second one tells a token that fails now and then from one with another key.
  private func tryOut(_ connection: Connection) throws(TokenError) {
    func isGood() throws(TokenError) -> Bool {
      let message = PKCS11SigningSession.trialMessage
      let signature = try call.sign(message, connection.cryptoki, connection.session, connection.key)
      return signer.verify(signature, message)
    }
    if try isGood() {
      signer.setProven()
      return
    }
    if signer.isProven { throw doesNotVerify }
    if try isGood() { throw doesNotVerify }
    throw TokenError(
      "\(signer.uri.keyText) is not that of \(signer.certificateName): its trial signature does not verify", .giveUp)
  }

  /// - Parameter isGone: there is nothing to close.
  private func end(_ connection: Connection, isGone: Bool = false) {
    forget(connection)
    if isGone { return }
    module.gate.inside {
      guard connection.generation == module.generation else { return }
      connection.cryptoki.closeSession(connection.session)
    }
  }

  private func forget(_ connection: Connection) {
    self.connection = nil
    module.health.closed(connection.slot)
  }
}
