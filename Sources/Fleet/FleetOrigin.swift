import CalendarTime
import OCSP
public import Responder
import Synchronization

/// A node as the one origin of a fleet: holds the lease, puts everything it signs into the level that nodes share, and
/// vouches there for what is complete.
///
/// `turn` belongs to one thread, which calls it several times a second and whenever something is to be done; its status may be
/// asked by any.
public final class FleetOrigin: @unchecked Sendable {
  // What is not behind a lock belongs to the thread that calls `turn`.
  /// Whom a lease lets or does not let sign.
  public struct Gate: Sendable {
    /// Another node is the origin: why, for an operator. May be called again with another reason.
    public var close: @Sendable (String) -> Void
    public var open: @Sendable () -> Void

    public init(close: @escaping @Sendable (String) -> Void, open: @escaping @Sendable () -> Void) {
      self.close = close
      self.open = open
    }
  }

  /// Where a new leader begins: what came of the question for the newest entry.
  private enum Beginning: Sendable {
    case none
    case asked(FencingToken)
    case known(FencingToken, UpdateEntry?)
  }

  private let lease: OriginLease
  private let publisher: AnswerPublisher
  private let shared: any SharedCache
  private let supply: any AnswerSupply
  private let directory: @Sendable () -> IssuerDirectory
  private let disturbances: @Sendable () -> UInt64
  private let clock: any Clock
  private let hasher: any ResponseHasher
  private let gate: Gate
  private let vouches: Bool
  private let log: FleetLog
  private var leading: FencingToken?
  private var sharings: [IssuerIndex: IssuerSharing] = [:]
  private var disturbancesSeen: UInt64 = 0
  /// Since when nothing gets into the shared level: monotonic nanoseconds; nil while it does.
  private var failingSince: Int64?
  private var isClosed = false
  /// Why it was closed last.
  private var refusal: String?
  private let beginning = Mutex(Beginning.none)
  private let completeCount = Atomic<Int>(0)
  /// So long a failure may last before nothing is vouched for: what is missing is then missed soon.
  private static let failureNanoseconds: Int64 = 500_000_000
  /// So long new answers may wait to be sent before nothing is vouched for, and any answer when it is to be vouched for
  /// everything.
  private static let longestDelay = (changes: Int64(1_000_000_000), answers: Int64(50_000_000))
  /// For so many answers there must be room before a walk hands over its next page: more than one page has.
  private static let pageRoom = 512

  /// - Parameters:
  ///   - vouches: whether all that is signed ahead is pushed, so that what is absent was not issued.
  ///   - disturbances: is another value whenever the shared level may have lost something that it had taken: a new
  ///     master, a connection made again.
  ///   - log: is told what an operator should know.
  public init(
    lease: OriginLease, publisher: AnswerPublisher, shared: any SharedCache, supply: any AnswerSupply,
    directory: @escaping @Sendable () -> IssuerDirectory, vouches: Bool,
    disturbances: @escaping @Sendable () -> UInt64, clock: any Clock, hasher: any ResponseHasher, gate: Gate,
    log: FleetLog
  ) {
    self.lease = lease
    self.publisher = publisher
    self.shared = shared
    self.supply = supply
    self.directory = directory
    self.vouches = vouches
    self.disturbances = disturbances
    self.clock = clock
    self.hasher = hasher
    self.gate = gate
    self.log = log
  }

  public var status: OriginLease.Status { lease.status }

  /// Issuers of which everything is in the shared level, and vouched for.
  public var completeIssuers: Int { completeCount.load(ordering: .relaxed) }

  /// Does what can be done without waiting. False where nothing could be.
  public func turn() -> Bool {
    lease.turn()
    obeyLease()
    let token = lease.token
    if token != leading { change(to: token) }
    guard takeBeginning() else { return false }
    // What waits goes out first, so that Redis has something to do while the next page is read. Before anything is noticed:
    // what is promised below is promised by what was known a moment ago.
    var hasWorked = publisher.turn()
    noticeDisturbances()
    noticeFailure()
    for index in publisher.takeIncomplete() { sharings[index]?.beginAgain(isInDoubt: true) }
    for issuer in directory().issuers.issuers where !issuer.isRetired {
      if advance(issuer) { hasWorked = true }
    }
    completeCount.store(sharings.values.count { $0.isComplete }, ordering: .relaxed)
    return hasWorked
  }

  /// Gives the lease up at the end of the process, once everything has been sent.
  ///
  /// - Parameter completion: called once it is given up, or cannot be.
  public func release(completion: @escaping @Sendable () -> Void = {}) { lease.release(completion: completion) }

  // MARK: - The lease

  private func obeyLease() {
    switch lease.status {
    case .refused(let reason):
      if refusal != reason { log.warning(reason) }
      (isClosed, refusal) = (true, reason)
      gate.close(reason)
    case .leading:
      if isClosed { gate.open() }
      (isClosed, refusal) = (false, nil)
    // Nobody knows better: one that was refused stays so, and one that signs goes on for its own clients.
    case .seeking: break
    }
  }

  private func change(to token: FencingToken?) {
    if leading != nil { publisher.lead(nil, after: nil) }
    leading = token
    sharings = [:]
    completeCount.store(0, ordering: .relaxed)
    guard let token else {
      beginning.withLock { $0 = .none }
      var why = ""
      if case .seeking(let known?) = lease.status { why = ": \(known)" }
      log.warning(
        "this node is not the origin any more, and what it signs stays here until it is again\(why)")
      return
    }
    beginning.withLock { $0 = .asked(token) }
    askForNewest(token)
  }

  private func askForNewest(_ token: FencingToken) {
    shared.newestAnnouncement { [self] result in
      // A failure is asked again as soon as the lease is looked at: a new one is claimed where this one ends.
      let newest: UpdateEntry?
      switch result {
      case .failure: return askAgain(token)
      case .success(let octets): newest = octets.flatMap { UpdateEntry($0, hasher: hasher) }
      }
      beginning.withLock { beginning in
        if case .asked(token) = beginning { beginning = .known(token, newest) }
      }
    }
  }

  private func askAgain(_ token: FencingToken) {
    beginning.withLock { beginning in
      if case .asked(token) = beginning { beginning = .none }
    }
  }

  /// Whether this node leads, and knows where the stream ends.
  private func takeBeginning() -> Bool {
    guard let leading else { return false }
    switch beginning.withLock({ $0 }) {
    case .asked: return false
    case .none:
      beginning.withLock { $0 = .asked(leading) }
      askForNewest(leading)
      return false
    case .known(_, let newest):
      guard sharings.isEmpty else { return true }
      publisher.lead(leading, after: newest)
      disturbancesSeen = disturbances()
      for issuer in directory().issuers.issuers { sharings[issuer.index] = IssuerSharing() }
      log.info("this node is the origin, with token \(leading.value): what it signs goes into Redis")
      return true
    }
  }

  private func noticeDisturbances() {
    let now = disturbances()
    guard now != disturbancesSeen else { return }
    disturbancesSeen = now
    log.info("Redis may have lost something: everything is sent again")
    for index in sharings.keys { sharings[index]?.beginAgain(isInDoubt: true) }
  }

  /// While nothing gets there a certificate that is new is absent, too: absence must not go on meaning that it was not issued.
  private func noticeFailure() {
    guard publisher.failure != nil else {
      failingSince = nil
      return
    }
    let now = clock.monotonicNanoseconds()
    guard let since = failingSince else {
      failingSince = now
      return
    }
    guard since != .max, now - since >= FleetOrigin.failureNanoseconds else { return }
    // Once for each failure.
    failingSince = .max
    for index in sharings.keys { sharings[index]?.beginAgain(isInDoubt: true) }
  }

  // MARK: - Issuers

  private func advance(_ issuer: Issuer) -> Bool {
    var sharing = sharings[issuer.index] ?? IssuerSharing()
    defer { sharings[issuer.index] = sharing }
    let now = clock.monotonicNanoseconds()
    sharing.look(at: issuer, isSent: publisher.delay.changes <= FleetOrigin.longestDelay.changes)
    switch sharing.step(now: now) {
    case .nothing: return false
    case .walk: return walk(issuer, &sharing, now)
    case .promise(let isRenewal): return promise(issuer, &sharing, isRenewal, now)
    case .takeBack:
      sharing.tookBack(now: now)
      shared.setComplete(issuer.sharedName, until: nil, hashes: [], isRenewal: false) {
        [promise = sharing.promise] result in
        if case .success = result { promise.set(.none) } else { promise.set(.unknown) }
      }
      return true
    }
  }

  private func walk(_ issuer: Issuer, _ sharing: inout IssuerSharing, _ now: Int64) -> Bool {
    guard issuer.progress.areAnswersLoaded, publisher.room >= FleetOrigin.pageRoom else { return false }
    let walk = sharing.walk ?? supply.walk(issuer)
    sharing.walk = walk
    do throws(StoreError) {
      if let answers = try walk.next() {
        publisher.publish(answers, of: sharing.ticket)
      } else {
        sharing.hasWalked()
      }
      return true
    } catch {
      log.warning("issuer '\(issuer.name)': what is to be shared could not be read, trying again: \(error)")
      sharing.rest(now: now, isLacking: false)
      return false
    }
  }

  private func promise(_ issuer: Issuer, _ sharing: inout IssuerSharing, _ isRenewal: Bool, _ now: Int64) -> Bool {
    guard vouches else {
      sharing.rest(now: now, isLacking: false)
      return false
    }
    let limit = clock.now().advanced(bySeconds: IssuerSharing.promiseSeconds)
    let isSent = isRenewal || publisher.delay.answers <= FleetOrigin.longestDelay.answers
    guard isSent, let until = try? supply.completeUntil(limit, issuer) else {
      sharing.rest(now: now, isLacking: true)
      return false
    }
    sharing.promised(now: now)
    shared.setComplete(
      issuer.sharedName, until: until, hashes: issuer.policy.presignedAlgorithms, isRenewal: isRenewal
    ) { [promise = sharing.promise] result in
      switch result {
      case .success(true): promise.set(.kept)
      case .success(false): promise.set(.forgotten)
      case .failure: promise.set(isRenewal ? .unknown : .unheard)
      }
    }
    return true
  }
}
