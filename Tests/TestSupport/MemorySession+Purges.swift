import CalendarTime
import OCSP
import Responder

extension MemorySession {
  func setPurgePlan(_ plan: PurgePlan) throws(StoreError) -> PurgePlanChange {
    try store.use { tables in
      var change = PurgePlanChange(added: plan.caches.subtracting(tables.purgePlan.caches))
      tables.purgePlan = plan
      for (key, row) in tables.purges where !plan.caches.contains(key.cache) {
        tables.purges[key] = nil
        if !row.order.isRepetition { change.dropped[key.cache, default: 0] += 1 }
      }
      return change
    }
  }

  func newPurges(for cache: String, limit: Int) throws(StoreError) -> [PurgeOrder] {
    try store.use { tables in
      let new = tables.line(of: cache).filter { $0.notBefore == nil }.map(\.order)
      let sorted = new.sorted { left, right in
        if left.isRevocation != right.isRevocation { return left.isRevocation }
        return left.revision > right.revision
      }
      return Array(sorted.prefix(limit))
    }
  }

  func duePurges(for cache: String, at time: UnixTime, limit: Int) throws(StoreError) -> [PurgeOrder] {
    try store.use { tables in
      let due = tables.line(of: cache).compactMap { row in row.notBefore.map { (order: row.order, notBefore: $0) } }
        .filter { $0.notBefore <= time }
      return due.sorted { $0.notBefore < $1.notBefore }.prefix(limit).map(\.order)
    }
  }

  func nextDuePurge(for cache: String) throws(StoreError) -> UnixTime? {
    try store.use { $0.line(of: cache).compactMap(\.notBefore).min() }
  }

  func hurryPurges(of cache: String, to time: UnixTime) throws(StoreError) {
    try store.use { tables in
      for (key, row) in tables.purges where key.cache == cache {
        if let notBefore = row.notBefore, notBefore > time { tables.purges[key]?.notBefore = time }
      }
    }
  }

  func settlePurges(_ outcomes: [PurgeOutcome], for cache: String) throws(StoreError) {
    try store.use { tables in
      for outcome in outcomes {
        let order = outcome.order
        let key = MemoryStore.PurgeKey(
          cache: cache, certificate: .init(issuer: order.issuer, serial: order.serial))
        guard var row = tables.purges[key], row.order.revision == order.revision else { continue }
        switch outcome.result {
        case .done: tables.purges[key] = nil
        case .putOff(let time):
          row.notBefore = time
          row.order.failures = order.failures
          row.order.isRepetition = order.isRepetition
          tables.purges[key] = row
        }
      }
    }
  }

  func purgeBacklog(of cache: String) throws(StoreError) -> PurgeBacklog {
    try store.use { tables in
      let line = tables.line(of: cache)
      let untried = line.filter { $0.notBefore == nil }.map(\.order)
      let lowest = [true, false].compactMap { isRevocation in
        untried.filter { $0.isRevocation == isRevocation }.min { $0.revision < $1.revision }?.since
      }
      let failing = line.filter { $0.notBefore != nil && !$0.order.isRepetition }.map(\.order.since)
      return PurgeBacklog(orders: line.count, oldest: (lowest + failing).min())
    }
  }

  func orderPurges(issuer: StoreIssuerID, serials: [SerialNumber], at time: UnixTime) throws(StoreError) -> Int {
    try store.use { tables in
      for serial in serials { tables.putInLine(.init(issuer: issuer, serial: serial), at: time) }
      return serials.count * tables.purgePlan.caches.count
    }
  }
}

extension MemoryStore.Tables {
  /// For every cache of the plan, by what is recorded of the certificate now.
  mutating func putInLine(_ certificate: MemoryStore.CertificateKey, at time: UnixTime) {
    let row = certificates[certificate]
    for cache in purgePlan.caches {
      let key = MemoryStore.PurgeKey(cache: cache, certificate: certificate)
      let order = PurgeOrder(
        issuer: certificate.issuer, serial: certificate.serial, revision: row?.revision ?? .zero,
        since: min(time, purges[key]?.order.since ?? time), isRevocation: row?.record.revocation != nil)
      purges[key] = .init(order: order, notBefore: nil)
    }
  }

  fileprivate func line(of cache: String) -> [MemoryStore.PurgeRow] {
    purges.filter { $0.key.cache == cache }.map(\.value)
  }
}
