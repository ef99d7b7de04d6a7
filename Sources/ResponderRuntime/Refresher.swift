import CalendarTime
import EventLoop
import Responder

/// Has answers signed again when their planned age comes, the oldest plan first.
///
/// The plan is in the store (`refresh_at`), so it survives restarts and needs no memory.
final class Refresher: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let batch = 2000
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession
  private let issuerOfStoreID: [StoreIssuerID: Int]

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
    issuerOfStoreID = runtime.indexByStoreID.mapValues { Int($0.value) }
  }

  func run() {
    while !runtime.closing.wait(for: 1, milliseconds: 1000) {
      // A batch that is not signed and saved yet would only be found again.
      guard runtime.saver.backlog == 0, runtime.queue.depth(.refresh) == 0 else { continue }
      do {
        let now = runtime.clock.now()
        for due in try session.responsesDue(at: now, limit: Refresher.batch) where !refresh(due) { return }
      } catch {
        runtime.counters.storeFailures.add(1)
        runtime.failures.warn("the refresh plan could not be read: \(error)")
      }
    }
  }

  private func refresh(_ due: DueResponse) -> Bool {
    do {
      guard let place = issuerOfStoreID[due.issuer] else {
        // Of an issuer that is no longer configured: nobody can sign it, and it must not stand first in line for ever.
        try session.removeResponses(issuer: due.issuer, serial: due.serial)
        return true
      }
      let reading = try session.status(issuer: due.issuer, serial: due.serial)
      if let notAfter = reading.record?.notAfter, notAfter < runtime.clock.now() {
        try session.removeResponses(issuer: due.issuer, serial: due.serial)
        return true
      }
      let key = ResponseKey(
        issuer: runtime.issuers.issuers[place].index, hashAlgorithm: due.hashAlgorithm, serial: due.serial)
      return runtime.queue.pushWhenRoom(.ahead(key, .refresh), lane: .refresh)
    } catch {
      runtime.counters.storeFailures.add(1)
      return true
    }
  }
}
