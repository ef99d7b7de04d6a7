import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder
import Synchronization

/// Sees to it that every answer that is signed ahead is in memory: learns what each issuer has issued, loads the answers
/// that the store has, and has the others signed, while questions are already answered.
///
/// It passes over an issuer's certificates at the start, when a reload brings the issuer or gives it another signer, and
/// again where answers were left out on the way. Issuers advance side by side, so that a token that is down holds up none
/// but its own.
final class AnswerLoader: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let keepingAtStopMilliseconds: Int64 = 10_000
  private static let serialBatch = 16_384
  private static let shortestPauseNanoseconds: Int64 = 1_000_000_000
  /// For so long answers from the store are looked at in one go.
  private static let confirmingNanoseconds: Int64 = 2_000_000
  /// Orders of renewals that must find room beside those of a pass.
  static let roomForOthers = 128
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private let keeper: AnswerKeeper
  private var passes: [IssuerIndex: LoadingPass] = [:]
  /// Issuers whose records could not be read, until when they are left alone: monotonic nanoseconds.
  private var failing: [IssuerIndex: Int64] = [:]
  /// Issuers whose first answers of all are in memory and not all in the store.
  private var keeping: [IssuerIndex: KeepingRounds] = [:]
  /// Issuers of which the store's answers are in memory, as far as they are any good.
  private var preloaded: Set<IssuerIndex> = []
  /// Issuers of which some record could not be read together with the others: they are not read so again.
  private var unreadable: Set<IssuerIndex> = []
  /// What the cache had evicted when the first answers of all were left for later keeping.
  private var evictionsBefore: UInt64 = 0
  /// Where the walk over answers is that came from the store unseen; nil once all have been looked at.
  private var confirmation: AnswerCache.ConfirmationCursor? = .init()
  /// How long each issuer's last pass worked, without what it waited for room, and when another may begin: monotonic
  /// nanoseconds.
  private var lastPasses: [IssuerIndex: (worked: Int64, next: Int64)] = [:]

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    keeper = AnswerKeeper(runtime: runtime, session: session)
  }

  func run() {
    while !runtime.isStopping {
      // Quick while something is under way, so that no signer waits for the next batch.
      if !turn() { _ = runtime.closing.wait(for: 1, milliseconds: isUnderWay ? 5 : 1000) }
    }
    finish()
  }

  private var isUnderWay: Bool {
    !passes.isEmpty || !keeping.isEmpty || !runtime.isStartupFinished || confirmation != nil
  }

  /// One issuer's damaged rows, or a store that cannot be read for a moment, hold up nobody else.
  private func attempt(_ issuer: Issuer, _ body: () throws(StoreError) -> Void) {
    let now = runtime.clock.monotonicNanoseconds()
    guard now >= failing[issuer.index] ?? .min else { return }
    do throws(StoreError) {
      try body()
      failing[issuer.index] = nil
    } catch {
      failing[issuer.index] = now + AnswerLoader.shortestPauseNanoseconds
      runtime.counters.storeFailures.add(1)
      runtime.failures.warn("issuer '\(issuer.name)': the store could not be read or written, trying again: \(error)")
    }
  }

  /// Does what can be done without waiting, a batch of each issuer at most. False where nothing could be.
  func turn() -> Bool {
    let directory = runtime.directory
    let issuers = directory.issuers.issuers.filter { !$0.isRetired }
    for issuer in directory.issuers.issuers where issuer.isRetired { end(issuer) }
    let dropped = runtime.saver.takeDropped()
    for issuer in issuers where dropped.contains(issuer.storeID) { issuer.progress.answersAreMissing() }
    // First who was issued at all, for every issuer: from then on unissued serials cost nothing.
    readStore(issuers.filter { !$0.progress.areSerialsKnown })
    guard !runtime.isStopping else { return false }
    for issuer in issuers where issuer.progress.areSerialsKnown && isPassDue(issuer) { begin(issuer) }
    var hasAdvanced = false
    for issuer in issuers {
      attempt(issuer) { () throws(StoreError) in
        if try advance(issuer, directory) { hasAdvanced = true }
        if try keepSome(issuer) { hasAdvanced = true }
      }
    }
    // A node that can answer for nobody is not ready, whatever the reason.
    if !runtime.isStartupFinished, issuers.allSatisfy(isServing), issuers.isEmpty || issuers.contains(where: isComplete)
    {
      runtime.startupFinished.raise(to: 1)
    }
    if runtime.isStartupFinished { confirmSome() }
    return hasAdvanced
  }

  /// Whether the start need not wait for the issuer any longer: its answers are there, or nothing signs for it now, or its
  /// records are damaged.
  private func isServing(_ issuer: Issuer) -> Bool {
    if failing[issuer.index] != nil { return issuer.progress.areSerialsKnown }
    if isComplete(issuer) { return true }
    let isWaiting = passes[issuer.index].map { !$0.orders.isEmpty } ?? issuer.progress.areAnswersLoaded
    return isWaiting && !runtime.queue.canSign(issuer.index)
  }

  private func isComplete(_ issuer: Issuer) -> Bool {
    let progress = issuer.progress
    let isMissing = progress.areAnswersMissing && !runtime.queue.canSign(issuer.index)
    return progress.areAnswersLoaded && progress.presigning == 0 && !isMissing
  }

  /// Has everything read that the store has of these issuers: who was issued, and the answers that are signed ahead.
  private func readStore(_ issuers: [Issuer]) {
    let now = runtime.clock.monotonicNanoseconds()
    let wanted = issuers.filter { now >= failing[$0.index] ?? .min }
    guard !wanted.isEmpty, !runtime.isStopping else { return }
    let whole = wanted.filter { !$0.policy.presignedAlgorithms.isEmpty && !unreadable.contains($0.index) }
    let outcomes = StartReader(runtime, whole).run(session, threads: runtime.limits.loadingThreads)
    confirmation = .init()
    for issuer in wanted where !runtime.isStopping {
      guard let outcome = outcomes[issuer.index], outcome.error == nil else {
        if let error = outcomes[issuer.index]?.error {
          unreadable.insert(issuer.index)
          runtime.counters.storeFailures.add(1)
          runtime.failures.warn(
            "issuer '\(issuer.name)': the store could not be read as a whole, going on with what can be: \(error)")
        }
        // Its serials at least, which may be readable where a record is damaged: the pass finds the rest out.
        attempt(issuer) { () throws(StoreError) in try learnSerials(issuer) }
        continue
      }
      issuer.progress.serialsAreKnown()
      count(outcome.certificates, of: issuer)
      preloaded.insert(issuer.index)
      if !outcome.isIncomplete, !issuer.progress.areAnswersSuspect { issuer.progress.answersAreLoaded(for: issuer) }
    }
  }

  /// Looks at some of the answers that came from the store unseen, and leaves the processors to questions between.
  private func confirmSome() {
    guard var cursor = confirmation else { return }
    let limit = runtime.clock.monotonicNanoseconds() + AnswerLoader.confirmingNanoseconds
    while runtime.clock.monotonicNanoseconds() < limit {
      guard runtime.cache.confirmSome(&cursor) != nil else {
        confirmation = nil
        runtime.confirmed.raise(to: 1)
        return
      }
    }
    confirmation = cursor
  }

  private func learnSerials(_ issuer: Issuer) throws(StoreError) {
    var count: UInt64 = 0
    var last: SerialNumber?
    while true {
      guard !runtime.isStopping else { return }
      let serials = try session.serials(issuer: issuer.storeID, after: last, limit: AnswerLoader.serialBatch)
      for serial in serials { runtime.issued.insert(issuer: issuer.index, serial: serial) }
      count += UInt64(serials.count)
      guard serials.count == AnswerLoader.serialBatch else { break }
      last = serials.last
    }
    issuer.progress.serialsAreKnown()
    self.count(count, of: issuer)
  }

  private func count(_ certificates: UInt64, of issuer: Issuer) {
    runtime.scanned.wrappingAdd(certificates, ordering: .relaxed)
    runtime.planned.wrappingAdd(
      certificates * UInt64(issuer.policy.presignedAlgorithms.count), ordering: .relaxed)
  }

  // MARK: - Passes

  private func isPassDue(_ issuer: Issuer) -> Bool {
    if let pass = passes[issuer.index] { return pass.credential != issuer.credentialIndex }
    guard issuer.progress.areAnswersLoaded, issuer.progress.hasMoved(to: issuer) else { return true }
    guard issuer.progress.areAnswersMissing || issuer.progress.areAnswersSuspect, keeping[issuer.index] == nil else {
      return false
    }
    return runtime.clock.monotonicNanoseconds() >= lastPasses[issuer.index]?.next ?? .min
  }

  private func begin(_ issuer: Issuer) {
    end(issuer)
    issuer.progress.answersAreSought(for: issuer)
    lastPasses[issuer.index] = (0, .min)
    let isFirst = !issuer.progress.areAnswersLoaded
    let isVerifying = issuer.progress.takeSuspicion()
    let isKeptNow = !(isFirst && isKeptLater())
    passes[issuer.index] = LoadingPass(
      issuer, isKeptNow: isKeptNow, isVerifying: isVerifying, isPreloaded: preloaded.contains(issuer.index))
    guard !isKeptNow else { return }
    let isInToken = issuer.keys.contains { $0.place.callDeadlineMilliseconds != nil }
    keeping[issuer.index] = KeepingRounds(isInToken: isInToken, now: runtime.clock.monotonicNanoseconds())
  }

  /// Passes for what is missing take a fifth of the time at most.
  private func rest(_ issuer: IssuerIndex) {
    let worked = lastPasses[issuer]?.worked ?? 0
    let pause = max(AnswerLoader.shortestPauseNanoseconds, 4 * worked)
    lastPasses[issuer] = (worked, runtime.clock.monotonicNanoseconds() + pause)
  }

  /// Gives up what is under way for the issuer.
  private func end(_ issuer: Issuer) {
    keeping[issuer.index] = nil
    guard let pass = passes.removeValue(forKey: issuer.index) else { return }
    for order in pass.orders { runtime.giveUp(order) }
    issuer.progress.answersAreNotSought()
  }

  /// Whether the first answers of all are kept in the store together once they are signed, in the order of their
  /// serials, rather than one by one: half the work. Needs a cache that holds them all until then.
  private func isKeptLater() -> Bool {
    let statistics = runtime.cache.statistics()
    let each = runtime.issuers.issuers.map { AnswerLoader.reckonedBytes($0.credential) }.max() ?? 0
    let needed = Int(runtime.planned.load(ordering: .relaxed)) * each
    guard needed < statistics.lastingBytes else { return false }
    if keeping.isEmpty { evictionsBefore = statistics.evictions }
    return statistics.evictions == evictionsBefore
  }

  /// Octets of memory that an answer takes, by its signature (RFC 5758, 8410, 4055): a little more than most of them do.
  private static func reckonedBytes(_ credential: SigningCredential) -> Int {
    switch (credential.signatureAlgorithm.count, credential.signatureAlgorithm.last) {
    case (7, _), (12, 0x02): 136
    case (12, _): 204
    default: 600
    }
  }

  private func advance(_ issuer: Issuer, _ directory: IssuerDirectory) throws(StoreError) -> Bool {
    guard var pass = passes[issuer.index] else { return false }
    defer { if passes[issuer.index] != nil { passes[issuer.index] = pass } }
    if !pass.orders.isEmpty {
      guard !pass.isKeptNow || runtime.saver.hasRoom || runtime.saver.isFailing else { return false }
      let taken = runtime.queue.pushRenewals(pass.orders, leaving: AnswerLoader.roomForOthers)
      pass.orders.removeFirst(taken)
      guard pass.orders.isEmpty else { return taken > 0 }
    }
    guard let algorithm = pass.cursor.algorithm else {
      passes[issuer.index] = nil
      if !pass.leavesAnswersToKeep { keeping[issuer.index] = nil }
      rest(issuer.index)
      issuer.progress.answersAreLoaded(for: issuer)
      return true
    }
    let began = runtime.clock.monotonicNanoseconds()
    defer { lastPasses[issuer.index]?.worked += runtime.clock.monotonicNanoseconds() - began }
    // Before the page is read: what changes in between is then seen to be newer.
    let asOf = try session.latestRevision()
    let page = try pass.cursor.nextPage(of: issuer, session)
    pass.take(page, algorithm, asOf: asOf, issuer, runtime, directory)
    // In memory and not in the store: the plan of renewals is there, so that they would never be renewed.
    if !pass.unkept.isEmpty {
      try keeper.keep(pass.unkept, of: issuer, algorithm)
      pass.unkept = []
    }
    return true
  }

  // MARK: - Keeping

  private func keepSome(_ issuer: Issuer) throws(StoreError) -> Bool {
    guard var rounds = keeping[issuer.index] else { return false }
    let isSigned = passes[issuer.index] == nil && issuer.progress.presigning == 0
    guard rounds.takesPage(issuer, isSigned: isSigned, now: runtime.clock.monotonicNanoseconds()) else { return false }
    // Where it fails the same page comes again.
    try keepPage(&rounds.cursor, issuer)
    rounds.pageIsKept(now: runtime.clock.monotonicNanoseconds())
    // What went before it was kept is nowhere now: it was reckoned wrongly, and another pass finds it.
    if rounds.isOver, runtime.cache.statistics().evictions != evictionsBefore { issuer.progress.answersAreMissing() }
    keeping[issuer.index] = rounds.isOver ? nil : rounds
    return true
  }

  private func keepPage(_ cursor: inout PageCursor?, _ issuer: Issuer) throws(StoreError) {
    guard let algorithm = cursor?.algorithm, let page = try cursor?.nextPage(of: issuer, session) else { return }
    try keeper.keep(page.filter { $0.response == nil }, of: issuer, algorithm)
  }

  /// Who stops the responder right after its start waits for what it has signed to be kept, within a bound.
  func finish() {
    let limit = runtime.clock.monotonicNanoseconds() + AnswerLoader.keepingAtStopMilliseconds * 1_000_000
    do {
      for (index, rounds) in keeping {
        let issuer = runtime.directory.issuers[index]
        var cursor: PageCursor? = rounds.lastCursor(issuer)
        while cursor?.algorithm != nil, runtime.clock.monotonicNanoseconds() < limit { try keepPage(&cursor, issuer) }
      }
    } catch {
      runtime.log.warning("the store cannot be read or written: the next start signs again what was not kept: \(error)")
    }
  }
}
