import CalendarTime
import Fleet
import OCSP
import Responder
import Simulation
import Synchronization
import TestSupport
import Testing

/// Keeps what it was told.
final class Waiter: OutcomeReceiver {
  private let outcomes = Mutex<[QuestionOutcome]>([])
  let isGone = false
  func receive(_ outcome: QuestionOutcome) { outcomes.withLock { $0.append(outcome) } }
  /// Nil until told; a failure where told twice.
  var outcome: QuestionOutcome? {
    outcomes.withLock { outcomes in
      #expect(outcomes.count <= 1)
      return outcomes.first
    }
  }
}

/// An origin that is played by hand, and edges over a shared level in memory.
final class FleetWorld {
  let shared = MemorySharedCache()
  let clock = SimulatedClock(Sample.start)
  let hasher = FakeHasher()
  let issuer: Issuer
  let edges: [EdgeResponder]
  let followers: [UpdateFollower]
  private let credential: SigningCredential
  private(set) var lastNumber: UInt64 = 100
  let notes = Mutex<[String]>([])

  init(edges count: Int = 1) throws {
    credential = Sample.credential(5)
    let settings = Sample.settings("one", keys: [])
    let store = MemoryStore()
    let directory = try IssuerDirectory.make([settings], session: try store.openSession(), now: Sample.start)
    issuer = directory.issuers.issuers[0]
    let (shared, clock) = (shared, clock)
    edges = (0..<count).map { number in
      EdgeResponder(
        directory: directory, shared: shared, cacheBytes: 1 << 20, seed: UInt64(number) + 77, limits: .init(),
        clock: clock, hasher: FakeHasher())
    }
    followers = edges.map { UpdateFollower($0, log: .silent) }
    for follower in followers { shared.follow(follower) }
  }

  func key(_ number: Int, _ algorithm: HashAlgorithm = .sha1) -> ResponseKey {
    ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: Sample.serial(number))
  }

  func sharedKey(_ number: Int, _ algorithm: HashAlgorithm = .sha1) -> SharedKey {
    issuer.sharedKey(key(number, algorithm))
  }

  /// An answer as the origin signs it.
  func frame(
    _ number: Int, _ status: CertificateStatus, revision: UInt64, token: UInt64 = 1, signer: SigningCredential? = nil,
    algorithm: HashAlgorithm = .sha1
  ) throws -> [UInt8] {
    let signer = signer ?? credential
    let key = key(number, algorithm)
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: clock.now(), jitter: 0.5))
    let tbs = AnswerBuilder.tbsResponseData(
      AnswerBuilder.Statement(status: status), certID: try #require(issuer.encodedCertID(key.serial, algorithm)),
      times: times, issuer: issuer, credential: signer)
    return SharedAnswer(
      key: issuer.sharedKey(key), token: FencingToken(token), revision: Revision(revision), times: times,
      isSignedAhead: algorithm == .sha1,
      response: AnswerBuilder.response(tbsResponseData: tbs, signature: [7, 7], credential: signer)
    ).encoded(hasher: hasher)
  }

  func store(_ frame: [UInt8], _ number: Int, _ algorithm: HashAlgorithm = .sha1) {
    shared.store([SharedFrame(octets: frame, key: sharedKey(number, algorithm), milliseconds: 1_000_000)]) { _, _ in }
  }

  func announce(_ news: UpdateEntry.News, token: UInt64 = 1) {
    lastNumber += 1
    let entry = UpdateEntry(number: lastNumber, token: FencingToken(token), news: news)
    shared.announce(entry.encoded(hasher: hasher)) { _ in }
  }

  func hearAll() {
    for number in edges.indices { while shared.tellNext(number) {} }
  }

  /// Lets time pass until nobody is waited for any more.
  func askInVain(_ number: Int, _ algorithm: HashAlgorithm = .sha1, edge: Int = 0) -> Waiter {
    let waiter = ask(number, algorithm, edge: edge)
    clock.advance(seconds: 1)
    edges[edge].sweepOverdue()
    return waiter
  }

  func ask(_ number: Int, _ algorithm: HashAlgorithm = .sha1, edge: Int = 0) -> Waiter {
    let waiter = Waiter()
    edges[edge].ask(.cached(key(number, algorithm)), receiver: waiter)
    return waiter
  }

  /// What an edge serves from memory.
  func served(_ number: Int, edge: Int = 0) throws -> CertificateStatus? {
    guard let answer = edges[edge].cache.answer(key(number), now: clock.now()) else { return nil }
    return try status(answer, edge: edge)
  }

  func status(_ answer: Answer, edge: Int = 0) throws -> CertificateStatus {
    let octets = answer.prefix + edges[edge].directory.credentials[answer.credential].suffix
    return try #require(try ReceivedResponse(octets).basic?.responses.first).status
  }

  func status(_ waiter: Waiter, edge: Int = 0) throws -> CertificateStatus? {
    guard case .answer(let answer)? = waiter.outcome else { return nil }
    return try status(answer, edge: edge)
  }

  func isTryLater(_ waiter: Waiter) -> Bool { if case .tryLater? = waiter.outcome { true } else { false } }
  func isUnauthorized(_ waiter: Waiter) -> Bool { if case .unauthorized? = waiter.outcome { true } else { false } }
}

extension SimulatedClock {
  func advance(seconds: Int64) { advance(nanoseconds: seconds * 1_000_000_000) }
}
