import CalendarTime
import EventLoop
import OCSP
import Responder
import Synchronization
import TestSupport
import Testing

@testable import ResponderRuntime

/// Waits for one outcome.
final class Receiver: OutcomeReceiver {
  private let outcomes = Mutex<[QuestionOutcome]>([])
  private let arrived = GrowingValue()
  private let gone = Atomic<Bool>(false)

  var isGone: Bool { gone.load(ordering: .relaxed) }

  /// As if the client had closed its connection.
  func leave() { gone.store(true, ordering: .relaxed) }

  func receive(_ outcome: QuestionOutcome) {
    let count = outcomes.withLock { outcomes in
      outcomes.append(outcome)
      return outcomes.count
    }
    arrived.raise(to: UInt64(count))
  }

  var isTold: Bool { outcomes.withLock { !$0.isEmpty } }

  func wait() -> QuestionOutcome? {
    _ = arrived.wait(for: 1, milliseconds: 20_000)
    return outcomes.withLock { $0.count == 1 ? $0[0] : nil }
  }
}

/// Remembers what was said.
final class RecordingLog: RuntimeLog {
  private let lines = Mutex<[String]>([])

  func info(_ message: String) { lines.withLock { $0.append(message) } }
  func warning(_ message: String) { lines.withLock { $0.append(message) } }

  func has(_ words: String) -> Bool { lines.withLock { $0.contains { $0.contains(words) } } }
}

/// One issuer's runtime over the fake store, with a clock that is set by hand.
struct World {
  let store = MemoryStore()
  let signer = FakeSigner()
  let clock = ManualClock(Sample.start)
  let log = RecordingLog()
  let runtime: ResponderRuntime
  let storeID: StoreIssuerID
  let policy: IssuerPolicy

  init(
    policy: IssuerPolicy = IssuerPolicy(), records: [CertificateRecord], keys: [any Signer]? = nil,
    queueLimit: Int = 1000, deadlineMilliseconds: Int64 = 20_000
  ) throws {
    self.policy = policy
    let session = try store.openSession()
    let directory = try IssuerDirectory.make(
      [Sample.settings(keys: keys ?? [signer], policy: policy)], session: session, now: Sample.start)
    storeID = directory.issuers.issuers[0].storeID
    var batches = [records][...]
    _ = try session.importRecords(
      issuer: storeID, assertsStatus: true, source: "a test", at: Sample.start, next: { batches.popFirst() })
    var limits = ResponderRuntime.Limits()
    limits.queueLimit = queueLimit
    limits.deadlineMilliseconds = deadlineMilliseconds
    runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: 4 << 20, seed: 1, limits: limits, clock: clock,
      hasher: FakeHasher(), log: log)
  }

  /// What another process would make of the same configuration.
  func newDirectory(keys: [any Signer]? = nil, credential: SigningCredential? = nil) throws -> IssuerDirectory {
    try IssuerDirectory.make(
      [Sample.settings(keys: keys ?? [signer], policy: policy, credential: credential)],
      session: try store.openSession(), now: clock.now())
  }

  func key(_ number: Int, _ hash: HashAlgorithm = .sha1) -> ResponseKey {
    ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: hash, serial: Sample.serial(number))
  }

  func revoke(_ number: Int) throws -> Revision {
    let outcome = try store.openSession().revoke(
      issuer: storeID, serial: Sample.serial(number), revocation: Sample.revocation(), isReasonGiven: true,
      isTimeGiven: true, at: Sample.start)
    guard case .revoked(let revision) = outcome else { throw StoreError(kind: .misuse, description: "\(outcome)") }
    return revision
  }

  func start() throws {
    try runtime.start()
    #expect(runtime.waitUntilStarted(milliseconds: 20_000))
  }

  func ask(_ number: Int, _ hash: HashAlgorithm = .sha1) -> QuestionOutcome? {
    let receiver = Receiver()
    runtime.ask(.cached(key(number, hash)), receiver: receiver)
    return receiver.wait()
  }

  /// What an answer says, read from its octets.
  func status(_ answer: Answer) throws -> CertificateStatus {
    let octets = answer.prefix + runtime.directory.credentials[answer.credential].suffix
    return try #require(try ReceivedResponse(octets).basic?.responses.first).status
  }

  func cachedStatus(_ number: Int, _ hash: HashAlgorithm = .sha1) throws -> CertificateStatus? {
    var octets = [UInt8](repeating: 0, count: 8192)
    var span = octets.mutableSpan
    guard let head = runtime.cache.copy(key(number, hash), now: clock.now(), into: &span) else { return nil }
    let whole = Array(octets[..<head.prefixCount]) + runtime.directory.credentials[head.credential].suffix
    return try #require(try ReceivedResponse(whole).basic?.responses.first).status
  }
}

/// Waits until something is so; false where it does not come about.
func comesTrue(_ isTrue: () throws -> Bool) rethrows -> Bool {
  let patience = MonotonicTime.now().advanced(byMilliseconds: 20_000)
  let pause = GrowingValue()
  while MonotonicTime.now() < patience {
    if try isTrue() { return true }
    _ = pause.wait(for: 1, milliseconds: 5)
  }
  return false
}
