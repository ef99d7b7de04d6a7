import CalendarTime
import Metrics
import OCSP
public import Responder
import Synchronization

/// A node without keys and without a status store: it answers from memory, and fetches what is not there from the level
/// that nodes share.
///
/// It says `unauthorized` of what is absent only while the origin vouches that everything is there; else `tryLater`.
/// Any thread may call.
public final class EdgeResponder: AnswerSource {
  /// Bounds.
  public struct Limits: Sendable {
    /// Questions that wait for the shared level; over it the answer is `tryLater`.
    public var questionLimit = 10_000
    /// Changes that are remembered, so that nothing older is believed.
    public var rememberedChanges = 1_000_000
    public var deadlineMilliseconds: Int64 = 2000
    public var retryAfterSeconds = 2

    public init() {}
  }

  /// Changes that come faster than they can be fetched end in `tryLater`, not in a loop.
  private static let maximumRounds = 8
  /// Signers that one process may meet: each has certificates that are kept in memory.
  private static let maximumCredentials = 1000

  public let cache: AnswerCache
  public let counters = EdgeCounters()
  public var retryAfterSeconds: Int { limits.retryAfterSeconds }
  let shared: any SharedCache
  let clock: any Clock
  let hasher: any ResponseHasher
  private let limits: Limits
  private let pending: Mutex<PendingQuestions<any OutcomeReceiver>>
  private let changes: Mutex<HeardChanges>
  private let current: Mutex<IssuerDirectory>
  private let generation = Atomic<UInt64>(1)

  /// - Parameter directory: its issuers need no keys.
  public init(
    directory: IssuerDirectory, shared: any SharedCache, cacheBytes: Int, seed: UInt64, limits: Limits,
    clock: any Clock, hasher: any ResponseHasher
  ) {
    self.shared = shared
    self.limits = limits
    self.clock = clock
    self.hasher = hasher
    cache = AnswerCache(budgetBytes: cacheBytes, seed: seed)
    pending = Mutex(
      PendingQuestions(maximumEntries: limits.questionLimit, maximumWaiters: 4 * limits.questionLimit))
    changes = Mutex(HeardChanges(limit: limits.rememberedChanges))
    current = Mutex(directory)
  }

  // MARK: - What the HTTP side asks

  public var directory: IssuerDirectory { current.withLock { $0 } }
  public var directoryGeneration: UInt64 { generation.load(ordering: .acquiring) }

  /// Nobody here knows what was issued.
  public func mayBeIssued(_ key: ResponseKey, by issuer: Issuer) -> Bool { true }

  public func ask(_ question: Question, receiver: any OutcomeReceiver) {
    guard case .cached(let key) = question else {
      // Nothing can be signed here: not for a nonce, which is left out, nor for several certificates at once.
      receiver.receive(.unauthorized)
      return
    }
    let deadline = clock.monotonicNanoseconds() + limits.deadlineMilliseconds * 1_000_000
    switch pending.withLock({ $0.admit(key: key, waiter: receiver, deadline: deadline) }) {
    case .joined: counters.coalesced.add(1)
    case .refused:
      counters.refused.add(1)
      receiver.receive(.tryLater)
    case .first(let id): fetch(id, key, round: 0)
    }
  }

  /// Tells those whose deadline has passed to come later. To be called a few times a second.
  public func sweepOverdue() {
    for receiver in pending.withLock({ $0.takeOverdue(now: clock.monotonicNanoseconds()) }) {
      counters.overdue.add(1)
      receiver.receive(.tryLater)
    }
  }

  // MARK: - Fetching

  private typealias ID = PendingQuestions<any OutcomeReceiver>.ID

  private func fetch(_ id: ID, _ key: ResponseKey, round: Int) {
    let issuer = directory.issuers[key.issuer]
    let sharedKey = issuer.sharedKey(key)
    // Before it is read: what is heard meanwhile is then seen to be newer.
    let asOf = changes.withLock { $0.newest }
    shared.fetch(sharedKey) { [self] result in
      switch fetched(result, key, sharedKey, issuer, asOf: asOf) {
      case .done(let outcome): for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(outcome) }
      case .again where round + 1 < EdgeResponder.maximumRounds: fetch(id, key, round: round + 1)
      case .again: for receiver in pending.withLock({ $0.take(id) }) { receiver.receive(.tryLater) }
      }
    }
  }

  private enum Fetched {
    case done(QuestionOutcome)
    case again
  }

  private func fetched(
    _ result: Result<SharedLookup, SharedCacheError>, _ key: ResponseKey, _ sharedKey: SharedKey, _ issuer: Issuer,
    asOf: Revision
  ) -> Fetched {
    switch result {
    case .failure:
      counters.failures.add(1)
      return .done(remembered(key))
    case .success(.absent(let completeUntil)):
      counters.absent.add(1)
      let isKnownUnissued = completeUntil.map { clock.now() < $0 } ?? false
      // A certificate that was issued a moment ago: its news has come, and what was read is older.
      guard cache.isCurrent(key, asOf: asOf) else { return .again }
      return .done(isKnownUnissued ? .unauthorized : .tryLater)
    case .success(.held(let octets)):
      guard let answer = checked(octets, key, sharedKey, issuer) else { return .done(remembered(key)) }
      switch cache.publish(answer, asOf: asOf, now: clock.now()) {
      case .stored, .notKept:
        counters.fetched.add(1)
        return .done(.answer(answer))
      case .superseded:
        // What is in memory came with the news, and the shared level has not got it yet, or has lost it.
        return .done(remembered(key))
      case .readStatusAgain: return .again
      }
    }
  }

  /// What memory has by now, where the shared level is of no use.
  private func remembered(_ key: ResponseKey) -> QuestionOutcome {
    cache.answer(key, now: clock.now()).map { .answer($0) } ?? .tryLater
  }

  /// The answer in octets of the shared level; nil where they must not be used. What is no good is removed there.
  func checked(_ octets: [UInt8], _ key: ResponseKey, _ sharedKey: SharedKey, _ issuer: Issuer) -> Answer? {
    guard let certID = issuer.encodedCertID(key.serial, key.hashAlgorithm) else { return nil }
    let frame: SharedAnswer
    do {
      frame = try SharedAnswer(octets, for: sharedKey, certID: certID, now: clock.now(), hasher: hasher)
    } catch .untimely {
      counters.ended.add(1)
      return nil
    } catch {
      counters.damaged.add(1)
      shared.discard(octets, under: sharedKey)
      return nil
    }
    guard frame.revision >= changes.withLock({ $0.revision(of: sharedKey) }) else {
      counters.outdated.add(1)
      return nil
    }
    guard let basic = try? ReceivedResponse(frame.response).basic,
      let (credential, prefix) = credential(of: frame.response, basic)
    else {
      counters.damaged.add(1)
      return nil
    }
    if case .revoked? = basic.responses.first?.status {
      changes.withLock { $0.remember(sharedKey, frame.revision) }
    }
    return Answer(
      key: key, revision: frame.revision, times: frame.times, digest: hasher.sha256(frame.response, []), prefix: prefix,
      credential: credential, isForUnissued: false)
  }

  /// In whose name a response is signed, and what of it comes before the embedded certificates.
  private func credential(
    of response: [UInt8], _ basic: ReceivedResponse.Basic
  ) -> (CredentialIndex, prefix: [UInt8])? {
    let suffix = BasicOCSPResponse.certificatesSuffix(basic.certificates)
    guard response.suffix(suffix.count).elementsEqual(suffix) else { return nil }
    // When the signer's certificate ends is the origin's business: no answer of it lasts longer.
    let credential = SigningCredential(
      responderID: basic.responderID, signatureAlgorithm: basic.signatureAlgorithm, certificates: basic.certificates,
      notBefore: UnixTime(seconds: 0), notAfter: .endOfTime)
    let index = current.withLock { directory -> CredentialIndex? in
      if let known = directory.credentials.entries.firstIndex(where: { $0.credential == credential }) {
        return CredentialIndex(UInt32(known))
      }
      guard directory.credentials.entries.count < EdgeResponder.maximumCredentials,
        let (next, index) = directory.adding(credential)
      else { return nil }
      directory = next
      generation.wrappingAdd(1, ordering: .releasing)
      return index
    }
    return index.map { ($0, Array(response.dropLast(suffix.count))) }
  }

  // MARK: - News

  /// Nothing older than the revision may be said of the certificate any more.
  func fence(_ key: ResponseKey, _ sharedKey: SharedKey, _ revision: Revision) {
    changes.withLock { $0.hear(sharedKey, revision) }
    for algorithm in HashAlgorithm.allCases {
      cache.fence(
        ResponseKey(issuer: key.issuer, hashAlgorithm: algorithm, serial: key.serial), revision: revision)
    }
  }

  /// Takes an answer in that came with news which have been applied.
  func take(_ answer: Answer) {
    _ = cache.publish(answer, asOf: changes.withLock { $0.newest }, now: clock.now())
  }

  /// Fetches what memory holds in an older version.
  func renew(_ key: ResponseKey) {
    let deadline = clock.monotonicNanoseconds() + limits.deadlineMilliseconds * 1_000_000
    // Nobody waits for it; who asks meanwhile is taken in.
    if case .first(let id) = pending.withLock({ $0.admit(key: key, waiter: nil, deadline: deadline) }) {
      fetch(id, key, round: 0)
    }
  }
}
