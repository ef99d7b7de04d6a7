import EventLoop
import PKCS11Signer
import Responder
import Synchronization

/// Tries the keys in tokens that a reload brings before it takes them over: a rollover to a key that cannot work must leave
/// the one that does in place.
struct TokenTrial {
  let log: TerminalLog

  /// - Throws: where a token refuses a key for good: what somebody has to mend. A token that is down, or does not answer in
  ///   time, is warned of: it may come back.
  func tryChanged(_ next: IssuerDirectory, after present: IssuerDirectory) throws {
    for issuer in next.issuers.issuers where !issuer.isRetired {
      let index = Int(issuer.index.value)
      let before = index < present.issuers.issuers.count ? present.issuers.issuers[index] : nil
      for case let key as PKCS11Signer in issuer.keys where isChanged(key, issuer, before) {
        guard let trouble = trouble(of: key) else { continue }
        let message = "issuer '\(issuer.name)': \(trouble)"
        if trouble.scope == .configuration { throw CommandFailure.no(message) }
        log.warning(message)
      }
    }
  }

  private func isChanged(_ key: PKCS11Signer, _ issuer: Issuer, _ before: Issuer?) -> Bool {
    guard let before, before.credential == issuer.credential else { return true }
    return !before.keys.contains { ($0 as? PKCS11Signer)?.uri == key.uri }
  }

  /// Opens it on a thread of its own: what a token's module does not return from must not stop reloads for ever.
  private func trouble(of key: PKCS11Signer) -> SigningError? {
    let milliseconds = key.place.callDeadlineMilliseconds ?? 10_000
    let (outcome, isOver) = (Outcome(), GrowingValue())
    _ = NamedThread(name: "try-token", isDetached: true) {
      do throws(SigningError) {
        _ = try key.openSession()
      } catch {
        outcome.error.withLock { $0 = error }
      }
      isOver.raise(to: 1)
    }
    guard isOver.wait(for: 1, milliseconds: milliseconds) else {
      return SigningError("\(key.uri) does not answer within \(milliseconds) ms", scope: .token)
    }
    return outcome.error.withLock { $0 }
  }

  private final class Outcome: Sendable {
    let error = Mutex<SigningError?>(nil)
  }
}
