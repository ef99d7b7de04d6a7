import CP11Kit
import Synchronization

/// The login of one token: PKCS#11 keeps it for all sessions of a program together (PKCS#11 2.40 2.5 "Session rules").
///
/// One thread at a time logs in. A PIN that was refused is remembered and not tried again: three wrong ones lock a real
/// token.
final class LoginGate: Sendable {
  /// Held during C_Login, which a broken token may never return from: then only logins to this token wait.
  private let login = Mutex<Void>(())
  private let failure = Mutex<TokenError?>(nil)

  func forgetFailure() {
    failure.withLock { $0 = nil }
  }

  /// Logs the session's program in, unless it is.
  ///
  /// - Parameters:
  ///   - insists: log in whatever the module says of the session: it refused to sign for want of a login.
  func logIn(
    _ cryptoki: Cryptoki, _ session: UInt, slot: UInt, uri: PKCS11URI, insists: Bool
  ) throws(TokenError) {
    if !insists, cryptoki.isLoggedIn(session) { return }
    try login.withLock { _ throws(TokenError) in
      // Somebody else's turn may have come in between.
      if !insists, cryptoki.isLoggedIn(session) { return }
      if let failure = failure.withLock({ $0 }) { throw failure }
      let info = try cryptoki.tokenInfo(slot)
      try refuseDanger(info)
      let code = try attempt(cryptoki, session, info, uri)
      guard code != .ok, code != .userAlreadyLoggedIn else { return }
      throw refused(code, info: try? cryptoki.tokenInfo(slot), uri)
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

  private func attempt(
    _ cryptoki: Cryptoki, _ session: UInt, _ info: TokenInfo, _ uri: PKCS11URI
  ) throws(TokenError) -> ReturnCode {
    guard let source = uri.pinSource else {
      guard info.hasProtectedAuthenticationPath else {
        throw loginError(
          "token \(info) wants a PIN, and the URI names none; expected pin-source=file:/path or pin-source=env:NAME")
      }
      return cryptoki.logInWithoutPIN(session)
    }
    do {
      return try source.withPIN { pin throws(TokenError) in
        cryptoki.logIn(session, CKU_USER, pin: &pin)
      }
    } catch {
      throw loginError("token \(info): \(error)")
    }
  }

  /// The error for a refusal; remembered where the PIN was to blame, or may have been.
  ///
  /// - Parameter info: what the token says of itself now.
  private func refused(_ code: ReturnCode, info: TokenInfo?, _ uri: PKCS11URI) -> TokenError {
    let isPIN = [.pinIncorrect, .pinInvalid, .pinLenRange, .pinExpired, .pinLocked].contains(code)
    // Modules have codes of their own for a wrong PIN; the token counts it all the same.
    let isCounted = info.map { $0.isPINCountLow || $0.isPINFinalTry || $0.isPINLocked } ?? false
    guard isPIN || isCounted || code.reaction == .giveUp else { return TokenError(call: "C_Login", code) }
    let place = uri.pinSource.map { "the PIN in \($0)" } ?? "the PIN"
    var error = loginError(
      "\(uri.tokenText): \(place) is refused (C_Login: \(code)); it is not tried again before the configuration is "
        + "read anew, since wrong PINs lock a token")
    error.code = code
    failure.withLock { $0 = error }
    return error
  }

  private func loginError(_ words: String) -> TokenError {
    var error = TokenError(words, .giveUp)
    error.isAboutLogin = true
    return error
  }
}
