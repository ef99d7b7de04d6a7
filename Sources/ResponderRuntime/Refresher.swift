import CalendarTime
import EventLoop
import Metrics
import OCSP
import Responder

/// Has answers signed again when their planned age comes.
///
/// The plan is in the store (`refresh_at`), so it survives restarts and needs no memory. Issuers are looked at one by one,
/// so that one that cannot sign keeps nobody else from it; where more is due than one look takes, what ends first goes
/// first.
final class Refresher: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let batch = 4096
  private static let orderSize = 64
  private static let pauseAfterFailureNanoseconds: Int64 = 5_000_000_000
  private static let pauseNanoseconds: Int64 = 1_000_000_000
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private let forecaster: Forecaster
  private var underWay: [IssuerIndex: UnderWay] = [:]
  /// When each issuer is looked at again: monotonic nanoseconds.
  private var nextLooks: [IssuerIndex: Int64] = [:]
  private var firstIssuer = 0

  /// A batch of one issuer that was given to the signers.
  private struct UnderWay {
    var bulks: [BulkSigning]
    /// Once they are signed: wait until the saver has kept them, else they would be found again.
    var savedMark: UInt64?
    /// Monotonic nanoseconds.
    var pauseUntil: Int64?
  }

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    forecaster = Forecaster(runtime: runtime, session: session)
  }

  func run() {
    // Quick while something is under way, so that no signer waits for the next batch.
    while !runtime.closing.wait(for: 1, milliseconds: underWay.isEmpty ? 1000 : 10) {
      do {
        _ = try turn()
      } catch {
        runtime.counters.storeFailures.add(1)
        runtime.failures.warn("the plan of renewals could not be read: \(error)")
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
      }
    }
  }

  /// Gives the signers what is due, and looks ahead. False where it gave them nothing.
  func turn() throws(StoreError) -> Bool {
    let directory = runtime.directory
    let now = runtime.clock.now()
    let monotonic = runtime.clock.monotonicNanoseconds()
    var hasHanded = false
    // Each time another one first: where there is room for few, it is not always for the same.
    firstIssuer += 1
    let count = directory.issuers.issuers.count
    for offset in 0..<count {
      let issuer = directory.issuers.issuers[(firstIssuer + offset) % count]
      guard !isBusy(issuer), isRenewable(issuer, now: now), monotonic >= nextLooks[issuer.index] ?? .min else {
        continue
      }
      do throws(StoreError) {
        let due = try due(issuer, now: now)
        if !due.isEmpty, hand(due, issuer, now: now) { hasHanded = true }
        // Nothing more is due at present: not looked for a hundred times a second.
        if due.count < Refresher.batch { nextLooks[issuer.index] = monotonic + Refresher.pauseNanoseconds }
      } catch {
        // One issuer's damaged rows are no reason to leave the others' answers to end.
        nextLooks[issuer.index] = monotonic + Refresher.pauseAfterFailureNanoseconds
        runtime.counters.storeFailures.add(1)
        runtime.failures.warn("issuer '\(issuer.name)': the plan of renewals could not be read: \(error)")
      }
    }
    try forecaster.lookIfDue()
    return hasHanded
  }

  private func isRenewable(_ issuer: Issuer, now: UnixTime) -> Bool {
    !issuer.isRetired && issuer.progress.areAnswersLoaded && issuer.credential.isValid(at: now)
      && runtime.queue.renewalRoom(of: issuer.index) > 0
  }

  /// Whether the issuer's last batch is not signed and kept yet.
  private func isBusy(_ issuer: Issuer) -> Bool {
    guard var last = underWay[issuer.index] else { return false }
    guard last.bulks.allSatisfy({ $0.next >= $0.entries.count }) else { return true }
    let now = runtime.clock.monotonicNanoseconds()
    if last.savedMark == nil {
      last.savedMark = runtime.saver.mark
      if last.bulks.contains(where: { $0.failures > 0 }) {
        last.pauseUntil = now + Refresher.pauseAfterFailureNanoseconds
      }
      underWay[issuer.index] = last
    }
    if let mark = last.savedMark, !runtime.saver.hasSettled(mark) { return true }
    if let pause = last.pauseUntil, now < pause { return true }
    underWay[issuer.index] = nil
    nextLooks[issuer.index] = nil
    return false
  }

  private func due(_ issuer: Issuer, now: UnixTime) throws(StoreError) -> [DueResponse] {
    let due = try session.responsesDue(issuer: issuer.storeID, at: now, order: .plan, limit: Refresher.batch)
    guard due.count == Refresher.batch else { return due.sorted { $0.nextUpdate < $1.nextUpdate } }
    return try session.responsesDue(issuer: issuer.storeID, at: now, order: .end, limit: Refresher.batch)
  }

  private func hand(_ due: [DueResponse], _ issuer: Issuer, now: UnixTime) -> Bool {
    var forgotten: [SerialNumber] = []
    var orders: [WorkQueue.Order] = []
    for algorithm in HashAlgorithm.allCases {
      var wanted: [DueResponse] = []
      for one in due where one.hashAlgorithm == algorithm {
        // Nobody needs a new answer for a certificate that has ended: there is one on demand.
        if one.reading.record?.hasEnded(at: now) ?? false {
          forgotten.append(one.serial)
        } else {
          wanted.append(one)
        }
      }
      var rest = wanted[...]
      while let first = rest.first {
        let part = rest.prefix(Refresher.orderSize)
        rest = rest.dropFirst(part.count)
        let entries = part.map { BulkSigning.Entry(serial: $0.serial, reading: $0.reading) }
        orders += BulkSigning.orders(entries, size: Refresher.orderSize, expires: first.nextUpdate) { entries in
          BulkSigning(issuer: issuer.index, hashAlgorithm: algorithm, reason: .refresh, entries: entries)
        }
      }
    }
    // By a clock that is ahead every certificate has ended.
    if !forgotten.isEmpty, runtime.isClockSteady { runtime.saver.forget(forgotten, of: issuer.storeID) }
    // Those without room are found again.
    let taken = runtime.queue.pushRenewals(orders)
    guard taken > 0 else { return false }
    underWay[issuer.index] = UnderWay(
      bulks: orders[..<taken].compactMap { if case .bulk(let bulk) = $0.job { bulk } else { nil } })
    return true
  }
}
