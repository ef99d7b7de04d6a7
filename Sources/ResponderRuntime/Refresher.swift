import CalendarTime
import EventLoop
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
  private static let pauseAfterFailureMilliseconds: Int64 = 5000
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private let forecaster: Forecaster
  private var underWay: [IssuerIndex: UnderWay] = [:]

  /// A batch of one issuer that was given to the signers.
  private struct UnderWay {
    var orders: [BulkSigning]
    /// Once they are signed: wait until the saver has kept them, else they would be found again.
    var savedMark: UInt64?
    var pauseUntil: MonotonicTime?
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
        try look()
        try forecaster.lookIfDue()
      } catch {
        runtime.counters.storeFailures.add(1)
        runtime.failures.warn("the plan of renewals could not be read: \(error)")
        _ = runtime.closing.wait(for: 1, milliseconds: 1000)
      }
    }
  }

  private func look() throws(StoreError) {
    let directory = runtime.directory
    let now = runtime.clock.now()
    for issuer in directory.issuers.issuers where isRenewable(issuer, now: now) && !isBusy(issuer.index) {
      let due = try due(issuer, now: now)
      if !due.isEmpty { hand(due, issuer, now: now) }
    }
  }

  private func isRenewable(_ issuer: Issuer, now: UnixTime) -> Bool {
    !issuer.isRetired && issuer.progress.areAnswersLoaded && issuer.credential.isValid(at: now)
      && runtime.queue.hasKey(issuer.index)
  }

  /// Whether the issuer's last batch is not signed and kept yet.
  private func isBusy(_ issuer: IssuerIndex) -> Bool {
    guard var last = underWay[issuer] else { return false }
    guard last.orders.allSatisfy({ $0.next >= $0.entries.count }) else { return true }
    if last.savedMark == nil {
      last.savedMark = runtime.saver.mark
      if last.orders.contains(where: { $0.failures > 0 }) {
        last.pauseUntil = MonotonicTime.now().advanced(byMilliseconds: Refresher.pauseAfterFailureMilliseconds)
      }
      underWay[issuer] = last
    }
    if let mark = last.savedMark, !runtime.saver.hasSettled(mark) { return true }
    if let pause = last.pauseUntil, MonotonicTime.now() < pause { return true }
    underWay[issuer] = nil
    return false
  }

  private func due(_ issuer: Issuer, now: UnixTime) throws(StoreError) -> [DueResponse] {
    let due = try session.responsesDue(issuer: issuer.storeID, at: now, order: .plan, limit: Refresher.batch)
    guard due.count == Refresher.batch else { return due.sorted { $0.nextUpdate < $1.nextUpdate } }
    return try session.responsesDue(issuer: issuer.storeID, at: now, order: .end, limit: Refresher.batch)
  }

  private func hand(_ due: [DueResponse], _ issuer: Issuer, now: UnixTime) {
    var forgotten: [SerialNumber] = []
    var orders: [BulkSigning] = []
    for algorithm in HashAlgorithm.allCases {
      var wanted: [DueResponse] = []
      for one in due where one.hashAlgorithm == algorithm {
        // Nobody needs a new answer for a certificate that has ended: there is one on demand.
        if let notAfter = one.reading.record?.notAfter, notAfter < now {
          forgotten.append(one.serial)
        } else {
          wanted.append(one)
        }
      }
      var rest = wanted[...]
      while let first = rest.first {
        let part = rest.prefix(Refresher.orderSize)
        rest = rest.dropFirst(part.count)
        let bulk = BulkSigning(
          issuer: issuer.index, hashAlgorithm: algorithm, reason: .refresh,
          entries: part.map { BulkSigning.Entry(serial: $0.serial, reading: $0.reading) })
        orders.append(bulk)
        let order = WorkQueue.Order(
          .bulk(bulk), issuer: issuer.index, lane: .renewal, expires: first.nextUpdate, cost: part.count)
        if !runtime.queue.pushWhenRoom(order) { runtime.giveUp(order) }
      }
    }
    if !forgotten.isEmpty { runtime.saver.forget(forgotten, of: issuer.storeID) }
    underWay[issuer.index] = UnderWay(orders: orders)
  }
}
