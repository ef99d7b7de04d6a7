import CalendarTime
import OCSP
public import Responder
import Synchronization
import TestSupport

/// A token of the simulation: how long it takes, and what is wrong with it at present. Its keys are `SimulatedKey`s.
public final class SimulatedToken: Sendable {
  public enum Condition: Sendable, Hashable {
    case working
    /// As if somebody had taken it out.
    case absent
    /// So many in a hundred signatures fail.
    case flaky(percent: Int)
  }

  public let place: SigningPlace
  private let clock: SimulatedClock
  private let state: Mutex<State>

  private struct State {
    var condition = Condition.working
    var nanosecondsPerSignature: Int64
    var random = SeededGenerator(seed: 7)
    var signatures = 0
    var timePasses: (@Sendable () -> Void)?
  }

  public init(_ name: String, clock: SimulatedClock, milliseconds: Int64) {
    place = SigningPlace(name: name, threads: 1)
    self.clock = clock
    state = Mutex(State(nanosecondsPerSignature: milliseconds * 1_000_000))
  }

  public var signatures: Int { state.withLock { $0.signatures } }

  public var secondsPerSignature: Int64 { state.withLock { $0.nanosecondsPerSignature / 1_000_000_000 } }

  public func set(_ condition: Condition) { state.withLock { $0.condition = condition } }

  public func setMilliseconds(_ milliseconds: Int64) {
    state.withLock { $0.nanosecondsPerSignature = milliseconds * 1_000_000 }
  }

  /// What is called while a signature takes its time: everybody else goes on meanwhile.
  public func whileSigning(_ body: (@Sendable () -> Void)?) { state.withLock { $0.timePasses = body } }

  fileprivate func sign(_ octets: [UInt8]) throws(SigningError) -> [UInt8] {
    let (duration, body, failure) = state.withLock { state -> (Int64, (@Sendable () -> Void)?, SigningError?) in
      switch state.condition {
      case .absent: return (1_000_000, nil, SigningError("CKR_DEVICE_REMOVED", scope: .token))
      case .flaky(let percent) where Int.random(in: 0..<100, using: &state.random) < percent:
        return (state.nanosecondsPerSignature, nil, SigningError("CKR_FUNCTION_FAILED", scope: .signature))
      case .working, .flaky: break
      }
      state.signatures += 1
      return (state.nanosecondsPerSignature, state.timePasses, nil)
    }
    clock.advance(nanoseconds: duration)
    body?()
    if let failure { throw failure }
    return FakeHasher().sha256(octets, []).octets
  }
}

/// A key in a token, with the certificate of its credential: it notices who signs with it past its end.
public final class SimulatedKey: Signer {
  public let signatureAlgorithm: [UInt8]
  public var place: SigningPlace { token.place }
  private let token: SimulatedToken
  private let notBefore: UnixTime
  private let notAfter: UnixTime
  private let clock: SimulatedClock
  private let lateSignatures = Atomic<Int>(0)

  public init(_ token: SimulatedToken, _ credential: SigningCredential, clock: SimulatedClock) {
    self.token = token
    self.clock = clock
    signatureAlgorithm = credential.signatureAlgorithm
    (notBefore, notAfter) = (credential.notBefore, credential.notAfter)
  }

  /// Responses that were signed while the certificate was not valid.
  public var signaturesOutsideValidity: Int { lateSignatures.load(ordering: .relaxed) }

  public func openSession() throws(SigningError) -> any SigningSession { Session(key: self) }

  private func sign(_ octets: [UInt8]) throws(SigningError) -> [UInt8] {
    let now = clock.now()
    // The two octets of a trial are no response.
    if octets.count > 2, now < notBefore || now >= notAfter { lateSignatures.wrappingAdd(1, ordering: .relaxed) }
    return try token.sign(octets)
  }

  private final class Session: SigningSession {
    private let key: SimulatedKey

    init(key: SimulatedKey) {
      self.key = key
    }

    func sign(_ tbsResponseData: [UInt8]) throws(SigningError) -> [UInt8] { try key.sign(tbsResponseData) }
  }
}
