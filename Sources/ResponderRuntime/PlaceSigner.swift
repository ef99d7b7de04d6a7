import Metrics
import Responder

/// Why a signature was not made.
enum SigningFailure: Error {
  /// The thread was given up while it signed: everything it has belongs to others.
  case abandoned
  /// Something else may sign the same order.
  case place(String)
  /// The token has no session for the thread.
  case crowded(String)
  /// The key is not used in this place any more.
  case key(String)
  case order(String)
}

/// What one signing thread makes its signatures with: a session of each key in its place, whose calls are watched, counted
/// and judged. That thread's alone.
final class PlaceSigner {
  /// Sessions kept open: more keys than that in one place take turns.
  private static let sessionLimit = 64
  private static let longestUncountedNanoseconds: UInt64 = 1_000_000_000
  private let runtime: ResponderRuntime
  private let place: Int
  private let state: WorkerState
  private let placeCounters: PlaceCounters
  private var directory: IssuerDirectory
  private var sessions: [IssuerIndex: (signer: any Signer, session: any SigningSession)] = [:]
  /// The one that was used last: the next signature mostly needs the same.
  private var last: (issuer: IssuerIndex, session: any SigningSession)?
  /// With whose keys it has signed since it took the directory.
  private var provenIssuers: Set<IssuerIndex> = []
  /// When the last call that returned did: monotonic nanoseconds.
  private(set) var lastCallEnded: Int64 = 0
  /// Counted here and added after each order: threads that count in one place for each signature wait for each other.
  private var tally = (signatures: UInt64(0), nanoseconds: UInt64(0))

  init(runtime: ResponderRuntime, directory: IssuerDirectory, place: Int, state: WorkerState) {
    self.runtime = runtime
    self.directory = directory
    self.place = place
    self.state = state
    placeCounters = runtime.placeCounters(place)
  }

  func take(_ directory: IssuerDirectory) {
    self.directory = directory
    provenIssuers = []
    last = nil
  }

  /// Adds what was counted since the last time to the counters that all threads share.
  func count() {
    guard tally.signatures > 0 else { return }
    placeCounters.signed(tally.signatures, nanoseconds: tally.nanoseconds)
    runtime.counters.signatures.add(tally.signatures)
    tally = (0, 0)
  }

  /// One signature by the issuer's key in this place, watched by the crew while it lasts.
  func sign(_ tbsResponseData: [UInt8], _ issuer: Issuer) throws(SigningFailure) -> [UInt8] {
    let began = runtime.clock.monotonicNanoseconds()
    state.callBegins(at: began)
    let result: Result<[UInt8], SigningError>
    do throws(SigningError) {
      result = .success(try openSession(issuer).sign(tbsResponseData))
    } catch {
      result = .failure(error)
    }
    guard state.callEnds() else { throw .abandoned }
    lastCallEnded = runtime.clock.monotonicNanoseconds()
    switch result {
    case .success(let signature):
      tally.signatures += 1
      tally.nanoseconds += UInt64(max(0, lastCallEnded - began))
      // A slow token is to be seen as one before an order of many is through.
      if tally.nanoseconds > PlaceSigner.longestUncountedNanoseconds { count() }
      if placeCounters.takeFailures() || !provenIssuers.contains(issuer.index) {
        provenIssuers.insert(issuer.index)
        runtime.queue.succeeded(issuer.index, place: place)
      }
      return signature
    case .failure(let error): throw failure(error, issuer)
    }
  }

  private func failure(_ error: SigningError, _ issuer: Issuer) -> SigningFailure {
    guard closeSession(of: issuer.index) else { return .abandoned }
    let name = directory.places[place].name
    if error.isFalseSignature {
      runtime.counters.falseSignatures.add(1)
      runtime.log.warning(
        "\(name), issuer '\(issuer.name)': a signature does not verify: all answers of the issuer are verified now, and "
          + "the token's next ones before they are used")
      issuer.progress.answersAreSuspect()
    }
    if error.scope != .thread {
      runtime.counters.signingFailures.add(1)
      placeCounters.hasFailed()
    }
    switch error.scope {
    case .thread:
      runtime.failures.warn("\(name): a thread rests: \(error)")
      return .crowded(error.description)
    case .token:
      runtime.failures.warn("\(name), issuer '\(issuer.name)': \(error)")
      return .place(error.description)
    case .signature:
      // What ends a trial books it.
      guard state.trial == nil else { return .order(error.description) }
      for order in runtime.queue.signatureFailed(issuer.index, place: place, message: error.description) {
        runtime.giveUp(order)
      }
      return .order("\(name), issuer '\(issuer.name)': \(error)")
    case .configuration:
      runtime.log.warning(
        "\(name), issuer '\(issuer.name)': \(error); not tried again before the configuration is read anew (SIGHUP)")
      for orphan in runtime.queue.disable(issuer: issuer.index, place: place, why: error.description) {
        runtime.giveUp(orphan)
      }
      return .key(error.description)
    }
  }

  /// Closing is a call into the module too: it may not return either. False where the thread was given up meanwhile.
  private func closeSession(of issuer: IssuerIndex) -> Bool {
    guard sessions[issuer] != nil else { return true }
    state.callBegins(at: runtime.clock.monotonicNanoseconds())
    last = nil
    sessions[issuer] = nil
    return state.callEnds()
  }

  func closeSessions() -> Bool {
    state.callBegins(at: runtime.clock.monotonicNanoseconds())
    last = nil
    sessions = [:]
    return state.callEnds()
  }

  private func openSession(_ issuer: Issuer) throws(SigningError) -> any SigningSession {
    if let last, last.issuer == issuer.index { return last.session }
    // Gone before any session is: whoever has it keeps it open.
    last = nil
    let session = try session(of: issuer)
    last = (issuer.index, session)
    return session
  }

  private func session(of issuer: Issuer) throws(SigningError) -> any SigningSession {
    guard let signer = directory.key(of: issuer.index, in: place) else {
      throw SigningError("issuer '\(issuer.name)' has no key here any more", scope: .signature)
    }
    if let open = sessions[issuer.index], open.signer === signer { return open.session }
    if sessions.count >= PlaceSigner.sessionLimit, let any = sessions.keys.first { sessions[any] = nil }
    let session = try newSession(signer)
    sessions[issuer.index] = (signer, session)
    return session
  }

  /// Where the token has no more, this thread's own for other keys are given back first.
  private func newSession(_ signer: any Signer) throws(SigningError) -> any SigningSession {
    do {
      return try signer.openSession()
    } catch {
      guard error.scope == .thread, !sessions.isEmpty else { throw error }
      sessions = [:]
      return try signer.openSession()
    }
  }

  /// Looks whether the place signs with a key: opens a session anew and signs something that means nothing.
  func tryKey(of issuer: IssuerIndex) {
    state.tries(issuer)
    guard closeSessions() else { return }
    let wasSigning = runtime.queue.condition(place: place).isSigning
    var trouble: String?
    do throws(SigningFailure) {
      _ = try sign([0x30, 0x00], directory.issuers[issuer])
      let (place, name) = (directory.places[place].name, directory.issuers[issuer].name)
      runtime.log.info(wasSigning ? "\(place) signs for '\(name)'" : "\(place) signs again, for '\(name)'")
    } catch {
      switch error {
      case .abandoned: return
      case .place(let message), .order(let message), .crowded(let message), .key(let message): trouble = message
      }
    }
    state.tries(nil)
    for order in runtime.queue.trialEnded(issuer, place: place, isGood: trouble == nil, message: trouble) {
      runtime.giveUp(order)
    }
  }
}
