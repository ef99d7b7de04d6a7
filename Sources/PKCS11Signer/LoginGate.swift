import CP11Kit
import Synchronization

/// The login of one token: PKCS#11 keeps it for all sessions of a program together (PKCS#11 2.40 2.5 "Session rules").
///
/// One thread at a time logs in. A login that failed closes the gate, and the PIN is remembered as refused: three wrong
/// ones lock a real token, and many tell a wrong PIN by a code of their own, or by one that means anything.
final class LoginGate: Sendable {
  /// Held during C_Login, which a broken token may never return from: then only logins to this token wait.
  private let login = Mutex<Void>(())
  private let memory = Mutex(Memory())

  private struct Memory {
    /// Set while nothing at all is tried.
    var refusal: TokenError?
    /// The newest come last. A refused PIN stays refused for the life of the process.
    var refused: [(pin: PINFingerprint, code: ReturnCode)] = []
  }

  /// After so many different wrong PINs a token has long been locked.
  private static let memoryLimit = 32

  /// Lets a PIN be tried that was not refused yet.
  func reopen() {
    memory.withLock { $0.refusal = nil }
  }

  /// Logs the session's program in, unless it is.
  ///
  /// - Parameters:
  ///   - insists: log in whatever the module says of the session: it refused to sign for want of a login.
  /// - Throws: an error about the login, behind which nobody may try once more by himself.
  func logIn(
    _ cryptoki: Cryptoki, _ session: UInt, slot: UInt, uri: PKCS11URI, insists: Bool
  ) throws(TokenError) {
    if !insists, cryptoki.isLoggedIn(session) { return }
    try login.withLock { _ throws(TokenError) in
      // Somebody else's turn may have come in between.
      if !insists, cryptoki.isLoggedIn(session) { return }
      if let refusal = memory.withLock({ $0.refusal }) { throw refusal }
      let info = try cryptoki.tokenInfo(slot)
      try refuseDanger(info)
      try attempt(cryptoki, session, info, uri)
    }
  }

  /// Says why, where a wrong PIN would lock the token for good.
  private func refuseDanger(_ info: TokenInfo) throws(TokenError) {
    if info.isPINLocked {
      throw loginError("token \(info): its PIN is locked; the security officer must set a new one")
    }
    if info.isPINFinalTry {
      throw loginError(
        "token \(info): one more wrong PIN would lock it, so none is tried; log in once with the right one by other "
          + "means (pkcs11-tool --login), then read the configuration anew")
    }
  }

  /// The one C_Login.
  private func attempt(
    _ cryptoki: Cryptoki, _ session: UInt, _ info: TokenInfo, _ uri: PKCS11URI
  ) throws(TokenError) {
    guard let source = uri.pinSource else {
      guard info.hasProtectedAuthenticationPath else {
        throw loginError(
          "token \(info) wants a PIN, and the URI names none; expected pin-source=file:/path or pin-source=env:NAME")
      }
      // Somebody types it, and nobody knows what: only the gate is closed.
      let code = cryptoki.logInWithoutPIN(session)
      if let error = failure(code, fingerprint: nil, uri) { throw error }
      return
    }
    let outcome: TokenError?
    do {
      outcome = try source.withPIN { pin throws(TokenError) in
        let fingerprint = PINFingerprint(pin)
        if let code = codeOfRefusal(fingerprint) { return refusedBefore(code, uri, source) }
        return failure(cryptoki.logIn(session, CKU_USER, pin: &pin), fingerprint: fingerprint, uri)
      }
    } catch {
      // No PIN was spent: what can be mended by a new look is looked at anew by the next opening.
      throw loginError("token \(info): \(error)", error.reaction)
    }
    if let outcome { throw outcome }
  }

  // MARK: - What a failure means

  /// Codes that say that the PIN was not looked at, by the standard's descriptions (PKCS#11 2.40 5.1, 5.6.7): the call
  /// found no library, no session, no token or no memory to work with, or somebody else at work.
  ///
  /// CKR_DEVICE_REMOVED and CKR_SESSION_CLOSED tell of the time *during* the call, which libraries need not tell from
  /// the time before (5.1.2). They are here because a wrong PIN is remembered as soon as one call comes to its end.
  /// CKR_FUNCTION_CANCELED is not: we cancel nothing, so it comes from the token or from somebody at its keypad. Nor
  /// are CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED and the like, which some modules answer to a wrong PIN.
  private static let unevaluated: Set<ReturnCode> = [
    .hostMemory, .deviceRemoved, .operationActive, .sessionClosed, .sessionHandleInvalid, .tokenNotPresent,
    .userPINNotInitialized, .userAnotherAlreadyLoggedIn, .cryptokiNotInitialized,
  ]

  /// The error for an answer of C_Login, remembered where the PIN may have been counted; nil for success.
  private func failure(_ code: ReturnCode, fingerprint: PINFingerprint?, _ uri: PKCS11URI) -> TokenError? {
    guard code != .ok, code != .userAlreadyLoggedIn else { return nil }
    if LoginGate.unevaluated.contains(code) {
      // What is wrong concerns every session of the token, and no new one would mend it within this opening.
      let reaction = code.reaction == .newSession ? .reopenSlot : code.reaction
      var error = TokenError(call: "C_Login", code, reaction)
      error.isAboutLogin = true
      return error
    }
    let place = uri.pinSource.map { "the PIN in \($0)" } ?? "the PIN"
    let remedy =
      fingerprint == nil
      ? "none is asked for again before the configuration is read anew"
      : "it is not tried again: put another one there and read the configuration anew, or restart"
    var error = loginError(
      "\(uri.tokenText): \(place) is refused (C_Login: \(code)); wrong PINs lock a token, so \(remedy)")
    error.code = code
    memory.withLock { memory in
      memory.refusal = error
      guard let fingerprint else { return }
      if memory.refused.count >= LoginGate.memoryLimit { memory.refused.removeFirst() }
      memory.refused.append((fingerprint, code))
    }
    return error
  }

  private func codeOfRefusal(_ fingerprint: PINFingerprint) -> ReturnCode? {
    memory.withLock { memory in memory.refused.first { $0.pin == fingerprint }?.code }
  }

  /// The gate stays open: a key with another PIN may still log in.
  private func refusedBefore(_ code: ReturnCode, _ uri: PKCS11URI, _ source: PINSource) -> TokenError {
    var error = loginError(
      "\(uri.tokenText): the PIN in \(source) is the same that was refused before (C_Login: \(code)), and is not tried "
        + "again, since wrong PINs lock a token; put another one there and read the configuration anew, or restart")
    error.code = code
    return error
  }

  private func loginError(_ words: String, _ reaction: ReturnCode.Reaction = .giveUp) -> TokenError {
    var error = TokenError(words, reaction)
    error.isAboutLogin = true
    return error
  }
}
