public import CalendarTime
public import OCSP
public import Responder
public import ResponderRuntime
import Synchronization
import TestSupport

/// A responder in simulated time: the runtime's real parts, over a real store, each given its turns on one thread in an
/// order that a seed decides.
public final class SimulatedResponder {
  /// How far time goes on where nothing asks for less, in seconds.
  public static let step: Int64 = 3600
  private static let shortestStep: Int64 = 120_000_000_000
  /// While a signature is made, the others get their turns this often, in seconds.
  private static let turnEverySeconds: Int64 = 60

  public let clock: SimulatedClock
  public let log = SimulationLog()
  public private(set) var runtime: ResponderRuntime
  private let store: any StatusStore
  private let session: any StatusStoreSession
  private let cacheBytes: Int
  private let seed: UInt64
  private var stepped: SteppedRuntime
  private var random: SeededGenerator
  private var lastTurns: Int64 = 0
  private var isInside = false
  private var failure: (any Error)?
  private var onStep: () -> Void = {}

  public init(
    _ settings: [IssuerSettings], store: any StatusStore, clock: SimulatedClock, cacheBytes: Int, seed: UInt64
  ) throws {
    self.store = store
    self.clock = clock
    self.cacheBytes = cacheBytes
    self.seed = seed
    random = SeededGenerator(seed: seed)
    session = try store.openSession()
    let directory = try IssuerDirectory.make(settings, session: session, now: clock.now())
    (runtime, stepped) = try SimulatedResponder.start(directory, store, cacheBytes, seed, clock, log)
  }

  private static func start(
    _ directory: IssuerDirectory, _ store: any StatusStore, _ cacheBytes: Int, _ seed: UInt64, _ clock: SimulatedClock,
    _ log: SimulationLog
  ) throws -> (ResponderRuntime, SteppedRuntime) {
    let runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: cacheBytes, seed: seed, limits: .init(), clock: clock,
      hasher: FakeHasher(), log: log)
    return (runtime, try SteppedRuntime(runtime))
  }

  // MARK: - What an operator does

  /// SIGHUP with another configuration.
  public func reload(_ settings: [IssuerSettings]) throws {
    let directory = try IssuerDirectory.make(
      settings, session: session, now: clock.now(), after: runtime.directory)
    runtime.adopt(directory)
  }

  /// Stops the process, and starts another one after a while.
  public func restart(_ settings: [IssuerSettings], afterSeconds seconds: Int64) throws {
    try stepped.stop()
    clock.advance(nanoseconds: seconds * 1_000_000_000)
    let directory = try IssuerDirectory.make(settings, session: session, now: clock.now())
    (runtime, stepped) = try SimulatedResponder.start(directory, store, cacheBytes, random.next(), clock, log)
  }

  /// Takes records in, as an import does.
  public func issue(_ records: [CertificateRecord], by issuer: StoreIssuerID) throws {
    var batches = [records][...]
    _ = try session.importRecords(
      issuer: issuer, assertsStatus: true, source: "simulation", at: clock.now(), next: { batches.popFirst() })
  }

  /// Revokes a certificate; the caches know of it when this returns, as when `avouch revoke` does.
  public func revoke(_ serial: SerialNumber, of issuer: StoreIssuerID, _ revocation: Revocation) throws {
    _ = try session.revoke(
      issuer: issuer, serial: serial, revocation: revocation, isReasonGiven: true, isTimeGiven: true, at: clock.now())
    _ = try stepped.turn(of: .follower)
  }

  // MARK: - Time

  /// Lets time go on. `onStep` is called every hour at least, and more often while signatures take long.
  public func run(until end: UnixTime, onStep: @escaping () -> Void) throws {
    self.onStep = onStep
    while clock.now() < end {
      let wake = try settle(until: end)
      onStep()
      let now = clock.monotonicNanoseconds()
      let left = min(SimulatedResponder.step, end.seconds(since: clock.now())) * 1_000_000_000
      // Trials of a token every half a minute for days would show nothing new.
      clock.advance(nanoseconds: min(left, max(SimulatedResponder.shortestStep, (wake ?? .max) - now)))
    }
    if let failure { throw failure }
  }

  /// Gives everybody turns until nobody has anything to do, or time is up. Returns when somebody wants to be woken.
  private func settle(until end: UnixTime) throws -> Int64? {
    var wake: Int64?
    var isBusy = true
    while isBusy, clock.now() < end {
      isBusy = try turns()
      wake = nil
      for place in runtime.directory.places.indices.shuffled(using: &random) {
        switch try stepped.turn(ofPlace: place) {
        case .worked: isBusy = true
        case .idle(let until): if let until { wake = min(wake ?? until, until) }
        }
      }
    }
    return wake
  }

  private func turns() throws -> Bool {
    lastTurns = clock.monotonicNanoseconds()
    var isBusy = false
    for part in SteppedRuntime.Part.allCases.shuffled(using: &random) where try stepped.turn(of: part) { isBusy = true }
    return isBusy
  }

  /// For `SimulatedToken.whileSigning`: time has passed in a call into a token.
  public func timePasses() {
    let now = clock.monotonicNanoseconds()
    guard !isInside, now - lastTurns >= SimulatedResponder.turnEverySeconds * 1_000_000_000 else { return }
    isInside = true
    defer { isInside = false }
    do {
      _ = try turns()
    } catch {
      failure = failure ?? error
    }
    onStep()
  }
}

/// What the responder said, with the time.
public final class SimulationLog: RuntimeLog {
  private let lines = Mutex<[String]>([])

  public init() {}

  public var all: [String] { lines.withLock { $0 } }

  public func info(_ message: String) {}
  public func warning(_ message: String) { lines.withLock { if $0.count < 10_000 { $0.append(message) } } }
}
