import CP11Kit
import Glibc
import Synchronization

/// A PKCS#11 module: loaded and initialised once per process, when it is first needed, and never unloaded.
///
/// Any thread. While one module hangs in C_Initialize, other modules are not held up.
public final class TokenModule: Sendable {
  /// The module's file.
  public let path: String
  private let state = Mutex(State())
  /// Grows whenever the library was initialised: sessions opened before are gone, and their numbers may be somebody
  /// else's by now.
  private let generations = Atomic<UInt>(0)
  private let gates = Mutex<[TokenInfo.Identity: LoginGate]>([:])
  /// Whoever calls into the module is inside, but for its initialisation.
  let gate = ModuleGate()
  let health = ModuleHealth()

  private struct State {
    var cryptoki: Cryptoki?
    var isInitialized = false
  }

  private init(path: String) {
    self.path = path
  }

  private static let loaded = Mutex<[String: TokenModule]>([:])

  /// The module of that file; nothing is loaded yet.
  public static func at(_ path: String) -> TokenModule {
    // Two names of one file are one library to the loader, with one login.
    var name = path
    if let real = unsafe realpath(path, nil) {
      name = unsafe String(cString: real)
      unsafe free(real)
    }
    return loaded.withLock { modules in
      if let module = modules[name] { return module }
      let module = TokenModule(path: path)
      modules[name] = module
      return module
    }
  }

  /// Every module that was ever asked for.
  static var all: [TokenModule] { loaded.withLock { Array($0.values) } }

  var generation: UInt { generations.load(ordering: .acquiring) }

  /// The module's calls, loading and initialising it where that has not happened yet.
  ///
  /// - Throws: `.giveUp` for a file that is no module, naming what the loader said; what C_Initialize answered.
  func cryptoki() throws(TokenError) -> Cryptoki {
    try state.withLock { state throws(TokenError) in
      let cryptoki: Cryptoki
      if let loaded = state.cryptoki { cryptoki = loaded } else { cryptoki = try load() }
      state.cryptoki = cryptoki
      if !state.isInitialized {
        // Not p11_kit_module_initialize: it gives an unmanaged module no arguments, which means "one thread only", and
        // SoftHSM crashes with two.
        try check(cryptoki.initialize())
        state.isInitialized = true
        health.succeeded()
        generations.add(1, ordering: .releasing)
      }
      return cryptoki
    }
  }

  private func load() throws(TokenError) -> Cryptoki {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw TokenError("\(path): \(unsafe String(cString: strerror(errno))); expected a PKCS#11 module", .giveUp)
    }
    // Unmanaged: the module's own functions, without a layer in between.
    guard let functions = unsafe p11_kit_module_load(path, Int32(P11_KIT_MODULE_UNMANAGED)) else {
      let words = unsafe p11_kit_message().map { unsafe String(cString: $0) } ?? "no reason given"
      throw TokenError("\(path): this cannot be loaded as a PKCS#11 module: \(words)", .giveUp)
    }
    return unsafe Cryptoki(functions)
  }

  private func check(_ code: ReturnCode) throws(TokenError) {
    guard code != .ok, code != .cryptokiAlreadyInitialized else { return }
    // There is no session yet that a new one could replace.
    let reaction: ReturnCode.Reaction = code.reaction == .giveUp ? .giveUp : .reopenSlot
    throw TokenError(call: "C_Initialize", code, reaction).at(path)
  }

  /// C_Initialize once more, for a library that says it is not initialised: a module may lose its state with the daemon
  /// or the device behind it.
  ///
  /// C_Finalize is not called: a library that is not initialised refuses it, and one that is would pull the ground from
  /// under threads in other calls (PKCS#11 2.40 5.4).
  ///
  /// - Parameter generation: when the caller's session was opened. Where somebody has done it since, nothing is done.
  func initializeAgain(after generation: UInt) throws(TokenError) {
    try state.withLock { state throws(TokenError) in
      guard let cryptoki = state.cryptoki, self.generation == generation else { return }
      let code = cryptoki.initialize()
      try check(code)
      if code == .ok { generations.add(1, ordering: .releasing) }
    }
  }

  /// C_Finalize and C_Initialize; nobody may be in a call. False where the library stays as it was.
  func restart() -> Bool {
    state.withLock { state in
      guard let cryptoki = state.cryptoki else { return false }
      let code = cryptoki.finalize()
      guard code == .ok || code == .cryptokiNotInitialized else { return false }
      // Where it does not come up now, the next one who needs it tries.
      state.isInitialized = cryptoki.initialize() == .ok
      generations.add(1, ordering: .releasing)
      return true
    }
  }

  /// The login of one token, shared by all that use it in this process.
  func gate(_ identity: TokenInfo.Identity) -> LoginGate {
    gates.withLock { gates in
      if let gate = gates[identity] { return gate }
      let gate = LoginGate()
      gates[identity] = gate
      return gate
    }
  }

  func reopenLogins() {
    for gate in gates.withLock({ Array($0.values) }) { gate.reopen() }
  }
}
