public import CalendarTime
import OCSP
public import Responder

/// The answers of a runtime, for the level that nodes share: those in memory, and what memory had no room for out of the
/// store. Of one thread.
public final class RuntimeAnswerSupply: AnswerSupply {
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession

  public init(_ runtime: ResponderRuntime) throws(StoreError) {
    self.runtime = runtime
    session = try runtime.store.openSession()
  }

  public func walk(_ issuer: Issuer) -> any AnswerWalk {
    RuntimeAnswerWalk(runtime, session, issuer)
  }

  public func completeUntil(_ limit: UnixTime, _ issuer: Issuer) throws(StoreError) -> UnixTime? {
    guard issuer.progress.isEverythingSigned(for: issuer), !runtime.isFailingToFollow else { return nil }
    let now = runtime.clock.now()
    // One that has ended and was not renewed is not there any more, though its certificate was issued.
    guard try session.endings(issuer: issuer.storeID, after: UnixTime(seconds: 0), until: now) == 0 else { return nil }
    let firstEnd = try session.firstEnd(issuer: issuer.storeID, after: now)
    return min(limit, firstEnd ?? limit)
  }
}

private final class RuntimeAnswerWalk: AnswerWalk {
  /// Few enough that those before them are still being sent while they are read.
  private static let pageSize = 256
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private let issuer: Issuer
  private var cursor: PageCursor

  init(_ runtime: ResponderRuntime, _ session: any StatusStoreSession, _ issuer: Issuer) {
    self.runtime = runtime
    self.session = session
    self.issuer = issuer
    cursor = PageCursor(issuer, size: RuntimeAnswerWalk.pageSize)
  }

  func next() throws(StoreError) -> [Answer]? {
    guard let algorithm = cursor.algorithm else { return nil }
    let directory = runtime.directory
    let now = runtime.clock.now()
    if let page = try nextPageInMemory(algorithm, now) { return page }
    let page = try cursor.nextPage(of: issuer, session)
    return page.compactMap { scanned in
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: scanned.record.serial)
      if let held = runtime.cache.answer(key, now: now), held.revision >= scanned.revision { return held }
      let reading = StatusReading(record: scanned.record, revision: scanned.revision, asOf: scanned.revision)
      guard let stored = scanned.response,
        let statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now)
      else { return nil }
      return runtime.rebuild(stored, statement: statement, key: key, directory)
    }
  }

  /// Nil, and no step further, where memory lacks one of them: reading only what tells whether it does is a quarter of the
  /// work.
  private func nextPageInMemory(_ algorithm: HashAlgorithm, _ now: UnixTime) throws(StoreError) -> [Answer]? {
    let revisions = try cursor.nextRevisions(of: issuer, session)
    let keys = revisions.map { ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: $0.serial) }
    var answers: [Answer] = []
    answers.reserveCapacity(revisions.count)
    runtime.cache.answers(keys, now: now) { place, held in
      guard let held, held.revision >= revisions[place].revision else { return false }
      answers.append(held)
      return true
    }
    guard answers.count == revisions.count else { return nil }
    cursor.advance(over: revisions.count, to: revisions.last?.serial)
    return answers
  }
}
