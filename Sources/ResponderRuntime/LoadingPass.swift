import CalendarTime
import Metrics
import OCSP
import Responder

/// A place in the certificates of one issuer, once for every algorithm whose answers are signed ahead.
struct PageCursor {
  private let size: Int
  private var algorithms: ArraySlice<HashAlgorithm>
  private var last: SerialNumber?

  /// - Parameter size: certificates of a page.
  init(_ issuer: Issuer, size: Int = 1024) {
    self.size = size
    algorithms = issuer.policy.presignedAlgorithms[...]
  }

  /// The algorithm of the next page; nil at the end.
  var algorithm: HashAlgorithm? { algorithms.first }

  mutating func nextPage(
    of issuer: Issuer, _ session: any StatusStoreSession
  ) throws(StoreError) -> [ScannedCertificate] {
    guard let algorithm else { return [] }
    let page = try session.certificates(
      issuer: issuer.storeID, hashAlgorithm: algorithm, after: last, limit: size)
    advance(over: page.count, to: page.last?.record.serial)
    return page
  }

  /// The serials of the next page and their revisions: for whoever may have all else in memory.
  func nextRevisions(
    of issuer: Issuer, _ session: any StatusStoreSession
  ) throws(StoreError) -> [CertificateRevision] {
    try session.revisions(issuer: issuer.storeID, after: last, limit: size)
  }

  /// - Parameters:
  ///   - count: of the certificates on the page.
  ///   - serial: the last of them.
  mutating func advance(over count: Int, to serial: SerialNumber?) {
    last = serial
    guard count < size else { return }
    algorithms.removeFirst()
    last = nil
  }
}

/// One pass over an issuer's certificates: how far it has come, and what it has for the signers.
struct LoadingPass {
  /// Entries of one order: small enough that workers share the last ones.
  private static let orderSize = 64
  /// The signer for whom answers are loaded and made; with another one the pass begins anew.
  let credential: CredentialIndex
  /// Whether what is signed is kept in the store one by one, or all together afterwards.
  let isKeptNow: Bool
  /// Whether answers may be in memory already: looking for each of millions takes its time.
  private let isAgain: Bool
  /// Whether the signatures of what is there are verified: the token has made false ones.
  private let isVerifying: Bool
  /// Whether what the store has is in memory already, as far as it is any good.
  private let isPreloaded: Bool
  var cursor: PageCursor
  /// What is in memory and has no row in the store.
  var unkept: [ScannedCertificate] = []
  /// Whether something is signed that is kept afterwards: after a restart there mostly is nothing.
  private(set) var leavesAnswersToKeep = false
  /// What the signing schedule has not taken yet.
  var orders: [WorkQueue.Order] = []

  init(_ issuer: Issuer, isKeptNow: Bool, isVerifying: Bool, isPreloaded: Bool) {
    self.isVerifying = isVerifying
    self.isPreloaded = isPreloaded
    isAgain = issuer.progress.areAnswersLoaded
    credential = issuer.credentialIndex
    self.isKeptNow = isKeptNow
    cursor = PageCursor(issuer)
  }

  /// Puts the stored answers of a page into memory, and plans the signatures that are missing.
  mutating func take(
    _ page: [ScannedCertificate], _ algorithm: HashAlgorithm, asOf: Revision, _ issuer: Issuer,
    _ runtime: ResponderRuntime, _ directory: IssuerDirectory
  ) {
    let now = runtime.clock.now()
    var missing: [BulkSigning.Entry] = []
    var outdated: [BulkSigning.Entry] = []
    var firstEnd = UnixTime.endOfTime
    for scanned in page {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: scanned.record.serial)
      let reading = StatusReading(record: scanned.record, revision: scanned.revision, asOf: asOf)
      guard let statement = AnswerBuilder.statement(for: reading, policy: issuer.policy, now: now) else { continue }
      if isVerifying { dropFalse(key, issuer, runtime, directory) }
      if isPreloaded, !isVerifying, let held = held(scanned, key, runtime), held.times.isValid(at: now) {
        guard held.credential != credential else { continue }
        firstEnd = min(firstEnd, held.times.nextUpdate)
        outdated.append(BulkSigning.Entry(serial: scanned.record.serial, reading: reading))
        continue
      }
      if let stored = scanned.response,
        let answer = runtime.rebuild(stored, statement: statement, key: key, directory),
        !isVerifying || isGenuine(answer, issuer, directory)
      {
        // Though its renewal may be due: the refresher sees to that, and a token may be down.
        switch runtime.cache.publish(answer, asOf: asOf, now: now) {
        case .stored, .notKept:
          runtime.counters.loaded.add(1)
          guard answer.credential != credential else { continue }
          firstEnd = min(firstEnd, answer.times.nextUpdate)
          outdated.append(BulkSigning.Entry(serial: scanned.record.serial, reading: reading))
          continue
        case .superseded: continue
        // A change came nearby after the page was read, perhaps to another certificate.
        case .readStatusAgain: break
        }
      } else if isAgain, scanned.response == nil, let held = runtime.cache.peek(key), held.revision >= scanned.revision,
        held.times.isValid(at: now), now < held.times.refreshAt
      {
        // Signed, and not kept yet, or never.
        unkept.append(scanned)
        if held.credential != credential {
          firstEnd = min(firstEnd, held.times.nextUpdate)
          outdated.append(BulkSigning.Entry(serial: scanned.record.serial, reading: reading))
        }
        continue
      }
      // An expired certificate is answered for on demand; nobody should need it often.
      if scanned.record.hasEnded(at: now) { continue }
      missing.append(BulkSigning.Entry(serial: scanned.record.serial, reading: reading))
    }
    guard issuer.credential.isValid(at: now) else {
      // Once it begins.
      if !missing.isEmpty, now < issuer.credential.notBefore { issuer.progress.answersAreMissing() }
      return
    }
    // As urgent as a renewal that has just become due, no more: others share the token.
    let margin = issuer.policy.validitySeconds - issuer.policy.refreshAgeSeconds
    issuer.progress.presigningGrows(by: missing.count)
    plan(missing, algorithm, issuer, .presign, expires: now.advanced(bySeconds: margin))
    plan(outdated, algorithm, issuer, .refresh, expires: firstEnd)
  }

  /// What is in memory, where it is the answer that the store has.
  private func held(_ scanned: ScannedCertificate, _ key: ResponseKey, _ runtime: ResponderRuntime) -> HeldAnswer? {
    guard let stored = scanned.response, let held = runtime.cache.peek(key), held.revision == scanned.revision,
      held.times == stored.times
    else { return nil }
    return held
  }

  private func isGenuine(_ answer: Answer, _ issuer: Issuer, _ directory: IssuerDirectory) -> Bool {
    // Of another signer there is no key here to verify with; it is replaced anyway.
    guard answer.credential == issuer.credentialIndex else { return true }
    let octets = answer.prefix + directory.credentials[answer.credential].suffix
    guard let basic = try? ReceivedResponse(octets).basic else { return false }
    return issuer.keys.allSatisfy { $0.isGenuine(basic.signature, over: basic.tbsResponseData) }
  }

  private func dropFalse(
    _ key: ResponseKey, _ issuer: Issuer, _ runtime: ResponderRuntime, _ directory: IssuerDirectory
  ) {
    guard let answer = runtime.cache.answer(key, now: runtime.clock.now()), !isGenuine(answer, issuer, directory) else {
      return
    }
    runtime.counters.falseAnswers.add(1)
    runtime.cache.drop(key, digest: answer.digest)
  }

  private mutating func plan(
    _ entries: [BulkSigning.Entry], _ algorithm: HashAlgorithm, _ issuer: Issuer, _ reason: BulkSigning.Reason,
    expires: UnixTime
  ) {
    let isKeptNow = isKeptNow || reason == .refresh
    if !isKeptNow, !entries.isEmpty { leavesAnswersToKeep = true }
    orders += BulkSigning.orders(entries, size: LoadingPass.orderSize, expires: expires) { part in
      BulkSigning(issuer: issuer.index, hashAlgorithm: algorithm, reason: reason, entries: part, isKeptNow: isKeptNow)
    }
  }
}

extension BulkSigning {
  /// Orders of renewals, each of so many entries.
  static func orders(
    _ entries: [Entry], size: Int, expires: UnixTime, _ make: ([Entry]) -> BulkSigning
  ) -> [WorkQueue.Order] {
    stride(from: 0, to: entries.count, by: size).map { start in
      let part = Array(entries[start..<min(start + size, entries.count)])
      let bulk = make(part)
      return WorkQueue.Order(.bulk(bulk), issuer: bulk.issuer, lane: .renewal, expires: expires, cost: part.count)
    }
  }
}
