import CP11Kit
import Synchronization

/// The token that a URI names, wherever it is plugged in at the moment. Any thread.
public final class Token: Sendable {
  public let uri: PKCS11URI
  public let module: TokenModule
  /// Where it was last seen.
  private let lastSlot = Mutex<UInt?>(nil)

  /// Nothing is touched yet.
  public init(_ uri: PKCS11URI) {
    self.uri = uri
    module = TokenModule.at(uri.modulePath)
  }

  /// Lets other PINs be tried than those that were refused: for a configuration that was read anew. For all tokens of
  /// the process.
  public static func reopenLogins() {
    for module in TokenModule.all { module.reopenLogins() }
  }

  /// What the token says of itself.
  public func info() throws(TokenError) -> TokenInfo {
    try module.gate.inside { () throws(TokenError) in try locate(try module.cryptoki()).info }
  }

  /// The token's slot, and what the token says of itself now.
  ///
  /// - Throws: `.reopenSlot` where no token matches, naming those that are there: it may be plugged in later.
  func locate(_ cryptoki: Cryptoki) throws(TokenError) -> (slot: UInt, info: TokenInfo) {
    // First where it was: the other slots of a module may hold tokens that are slow to answer.
    if let slot = lastSlot.withLock({ $0 }), let info = try? cryptoki.tokenInfo(slot), info.isInitialized,
      info.matches(uri)
    {
      return (slot, info)
    }
    let slots: [UInt]
    do { slots = try cryptoki.slots(withToken: true) } catch {
      var error = error.at(module.path)
      error.isAboutModule = true
      throw error
    }
    var found: [(slot: UInt, info: TokenInfo)] = []
    var present: [String] = []
    for slot in slots {
      let info: TokenInfo
      do { info = try cryptoki.tokenInfo(slot) } catch {
        present.append("slot \(slot), which does not answer (\(error))")
        continue
      }
      guard info.isInitialized else { continue }
      present.append(info.description)
      if info.matches(uri), uri.slotID == nil || uri.slotID == slot { found.append((slot, info)) }
    }
    guard let first = found.first else {
      let names = present.joined(separator: ", ")
      var error = TokenError(
        "\(uri.tokenText) is not there; \(names.isEmpty ? "no token is" : "what is there: \(names)")", .reopenSlot)
      error.isAboutModule = true
      throw error
    }
    guard found.count == 1 else {
      throw TokenError(
        "\(uri.tokenText) may be one of \(found.map { "\($0.info)" }.joined(separator: ", ")); add serial= to the URI",
        .giveUp)
    }
    lastSlot.withLock { $0 = first.slot }
    return first
  }

  func forgetSlot() {
    lastSlot.withLock { $0 = nil }
  }

  /// Logs in where the token wants it.
  func logIn(
    _ cryptoki: Cryptoki, _ session: UInt, slot: UInt, info: TokenInfo, insists: Bool = false
  ) throws(TokenError) {
    guard info.requiresLogin || uri.pinSource != nil else { return }
    try module.gate(info.identity).logIn(cryptoki, session, slot: slot, uri: uri, insists: insists)
  }
}
