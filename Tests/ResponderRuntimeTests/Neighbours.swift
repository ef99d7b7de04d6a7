import CalendarTime
import EventLoop
import OCSP
import TestSupport
import Testing

@testable import Responder
@testable import ResponderRuntime

/// A runtime with several issuers over the fake store.
struct Neighbours {
  let store = MemoryStore()
  let clock = ManualClock(Sample.start)
  let log = RecordingLog()
  let runtime: ResponderRuntime
  let session: any StatusStoreSession

  /// - Parameter counts: certificates by issuer, numbered from 1.
  init(
    _ settings: [IssuerSettings], counts: [Int], queueLimit: Int = 1000, deadlineMilliseconds: Int64 = 20_000
  ) throws {
    session = try store.openSession()
    let directory = try IssuerDirectory.make(settings, session: session, now: clock.now())
    for (issuer, count) in zip(directory.issuers.issuers, counts) where count > 0 {
      var batches = [(1...count).map { Sample.record($0) }][...]
      _ = try session.importRecords(
        issuer: issuer.storeID, assertsStatus: true, source: "a test", at: clock.now(), next: { batches.popFirst() })
    }
    var limits = ResponderRuntime.Limits()
    (limits.queueLimit, limits.deadlineMilliseconds) = (queueLimit, deadlineMilliseconds)
    runtime = ResponderRuntime(
      directory: directory, store: store, cacheBytes: 32 << 20, seed: 11, limits: limits, clock: clock,
      hasher: FakeHasher(), log: log)
  }

  func start() throws {
    try runtime.start()
    #expect(runtime.waitUntilStarted(milliseconds: 20_000))
  }

  /// Until the plan of so many renewals of an issuer is in the store.
  func waitUntilKept(_ count: Int, issuer: Int = 0) throws {
    let id = self.issuer(issuer).storeID
    #expect(try comesTrue { try session.renewals(issuer: id, until: .endOfTime) == count })
  }

  func issuer(_ number: Int) -> Issuer { runtime.issuers.issuers[number] }

  func key(_ issuer: Int, _ number: Int, _ hash: HashAlgorithm = .sha1) -> ResponseKey {
    ResponseKey(issuer: IssuerIndex(UInt16(issuer)), hashAlgorithm: hash, serial: Sample.serial(number))
  }

  func importMore(_ numbers: ClosedRange<Int>, issuer: StoreIssuerID) throws {
    var batches = [numbers.map { Sample.record($0) }][...]
    _ = try session.importRecords(
      issuer: issuer, assertsStatus: true, source: "a test", at: clock.now(), next: { batches.popFirst() })
  }

  func revoke(_ number: Int, issuer: StoreIssuerID) throws -> Revision {
    _ = try session.revoke(
      issuer: issuer, serial: Sample.serial(number), revocation: Sample.revocation(), isReasonGiven: true,
      isTimeGiven: true, at: clock.now())
    return try session.latestRevision()
  }

  /// What a reload makes of other settings.
  func directory(_ settings: [IssuerSettings]) throws -> IssuerDirectory {
    try IssuerDirectory.make(settings, session: session, now: clock.now(), after: runtime.directory)
  }

  func send(_ issuer: Int, _ number: Int, _ hash: HashAlgorithm = .sha256, isLive: Bool = false) -> Receiver {
    let receiver = Receiver()
    let key = key(issuer, number, hash)
    guard isLive, let certID = self.issuer(issuer).encodedCertID(key.serial, hash) else {
      runtime.ask(.cached(key), receiver: receiver)
      return receiver
    }
    let entry = LiveQuestion.Entry(encodedCertID: certID, key: key)
    runtime.ask(.live(LiveQuestion(issuer: key.issuer, entries: [entry], nonce: [1, 2])), receiver: receiver)
    return receiver
  }

  func isAnswered(_ issuer: Int, _ number: Int, _ hash: HashAlgorithm = .sha256) -> Bool {
    if case .answer? = send(issuer, number, hash).wait() { true } else { false }
  }

  /// What is in memory and valid.
  func status(_ issuer: Int, _ number: Int, _ hash: HashAlgorithm = .sha1) throws -> CertificateStatus? {
    guard let answer = runtime.cache.answer(key(issuer, number, hash), now: clock.now()) else { return nil }
    let octets = answer.prefix + runtime.directory.credentials[answer.credential].suffix
    return try #require(try ReceivedResponse(octets).basic?.responses.first).status
  }

  /// How many of the certificates up to `count` have an answer made at this second.
  func fresh(_ count: Int, issuer: Int = 0) -> Int {
    (1...count).count { runtime.cache.peek(key(issuer, $0))?.times.producedAt == clock.now() }
  }

  static func fail(_ signer: FakeSigner, _ scope: SigningError.Scope = .token) {
    signer.beforeSigning { () throws(SigningError) in throw SigningError("it is broken", scope: scope) }
  }

  static func signer(_ name: String, threads: Int = 2, deadline: Int64? = nil) -> FakeSigner {
    FakeSigner(place: SigningPlace(name: name, threads: threads, callDeadlineMilliseconds: deadline))
  }
}
