import CalendarTime
import OCSP
import Responder

extension SQLiteSession {
  // MARK: - The plan

  func setPurgePlan(_ plan: PurgePlan) throws(StoreError) -> PurgePlanChange {
    // Looked for first: a start would wait for whoever imports, and for nothing.
    if try isPurgePlan(plan) { return PurgePlanChange() }
    return try connection.storeTransaction { () throws(StoreError) in
      let held = try plannedCaches()
      var change = PurgePlanChange(added: plan.caches.subtracting(held.keys))
      for (name, id) in held where !plan.caches.contains(name) {
        let count = try drop(id)
        if count > 0 { change.dropped[name] = count }
      }
      for name in plan.caches where held[name] == nil {
        statements.purges.addCache.bind(1, name)
        try statements.purges.addCache.run()
      }
      try setUnissued(plan.issuersCachedUnissued)
      try statements.purges.keepCacheCount.run()
      return change
    }
  }

  private func isPurgePlan(_ plan: PurgePlan) throws(StoreError) -> Bool {
    guard Set(try plannedCaches().keys) == plan.caches, try isPurgeCount(plan.caches.count) else { return false }
    return try plannedUnissued() == plan.issuersCachedUnissued
  }

  private func isPurgeCount(_ count: Int) throws(StoreError) -> Bool {
    let statement = statements.purges.cacheCount
    defer { statement.reset() }
    return try statement.step() && statement.integer(0) == Int64(count)
  }

  private func plannedCaches() throws(StoreError) -> [String: Int64] {
    let statement = statements.purges.caches
    defer { statement.reset() }
    var caches: [String: Int64] = [:]
    while try statement.step() { caches[statement.text(1)] = statement.integer(0) }
    return caches
  }

  private func plannedUnissued() throws(StoreError) -> Set<StoreIssuerID> {
    let statement = statements.purges.unissued
    defer { statement.reset() }
    var issuers: Set<StoreIssuerID> = []
    while try statement.step() { issuers.insert(StoreIssuerID(statement.integer(0))) }
    return issuers
  }

  /// Gives how many orders were never purged.
  private func drop(_ cache: Int64) throws(StoreError) -> Int {
    let unpurged = statements.purges.unpurged
    unpurged.bind(1, cache)
    defer { unpurged.reset() }
    let count = try unpurged.step() ? Int(unpurged.integer(0)) : 0
    statements.purges.drop.bind(1, cache)
    try statements.purges.drop.run()
    statements.purges.removeCache.bind(1, cache)
    try statements.purges.removeCache.run()
    return count
  }

  private func setUnissued(_ issuers: Set<StoreIssuerID>) throws(StoreError) {
    let held = try plannedUnissued()
    for (statement, issuers) in [
      (statements.purges.removeUnissued, held.subtracting(issuers)),
      (statements.purges.addUnissued, issuers.subtracting(held)),
    ] {
      for issuer in issuers {
        statement.bind(1, issuer.value)
        try statement.run()
      }
    }
  }

  /// Whether caches may hold answers of the issuer for serials that were not issued.
  func isCachedUnissued(_ issuer: StoreIssuerID) throws(StoreError) -> Bool {
    let statement = statements.purges.isUnissued
    statement.bind(1, issuer.value)
    defer { statement.reset() }
    return try statement.step()
  }

  // MARK: - Putting in line

  func orderPurges(issuer: StoreIssuerID, serials: [SerialNumber], at time: UnixTime) throws(StoreError) -> Int {
    try connection.storeTransaction { () throws(StoreError) in
      var count = 0
      for serial in serials {
        let reading = try status(issuer: issuer, serial: serial)
        try putInLine(
          issuer: issuer, serial: serial, revision: reading.revision, at: time,
          isRevocation: reading.record?.revocation != nil)
        count += connection.changedRows
      }
      return count
    }
  }

  /// For every cache of the plan, in the transaction that is open.
  func putInLine(
    issuer: StoreIssuerID, serial: SerialNumber, revision: Revision, at time: UnixTime, isRevocation: Bool
  ) throws(StoreError) {
    let statement = statements.purges.order
    statement.bind(1, issuer.value)
    statement.bind(2, serial.octets)
    statement.bind(3, Int64(clamping: revision.value))
    statement.bind(4, time.seconds)
    statement.bind(5, isRevocation ? 1 : 0)
    try statement.run()
  }

  // MARK: - The lines

  func newPurges(for cache: String, limit: Int) throws(StoreError) -> [PurgeOrder] {
    let statement = statements.purges.new
    statement.bind(1, cache)
    statement.bind(2, Int64(limit))
    return try purges(statement)
  }

  func duePurges(for cache: String, at time: UnixTime, limit: Int) throws(StoreError) -> [PurgeOrder] {
    let statement = statements.purges.due
    statement.bind(1, cache)
    statement.bind(2, time.seconds)
    statement.bind(3, Int64(limit))
    return try purges(statement)
  }

  private func purges(_ statement: SQLiteStatement) throws(StoreError) -> [PurgeOrder] {
    defer { statement.reset() }
    var orders: [PurgeOrder] = []
    while try statement.step() {
      guard let since = try time(in: statement, column: 3, named: "since", of: "purges") else { continue }
      orders.append(
        PurgeOrder(
          issuer: StoreIssuerID(statement.integer(0)), serial: try serial(in: statement, column: 1),
          revision: try revision(in: statement, column: 2, of: "purges"), since: since,
          isRevocation: statement.integer(4) != 0, failures: Int(statement.integer(5)),
          isRepetition: statement.integer(6) != 0))
    }
    return orders
  }

  func nextDuePurge(for cache: String) throws(StoreError) -> UnixTime? {
    let statement = statements.purges.nextDue
    statement.bind(1, cache)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    return try time(in: statement, column: 0, named: "not_before", of: "purges")
  }

  func purgeBacklog(of cache: String) throws(StoreError) -> PurgeBacklog {
    let statement = statements.purges.count
    statement.bind(1, cache)
    defer { statement.reset() }
    let orders = try statement.step() ? Int(statement.integer(0)) : 0
    if orders == 0 { return PurgeBacklog(orders: 0, oldest: nil) }
    var ages = [try since(statements.purges.oldestFailing, cache)]
    for isRevocation: Int64 in [0, 1] {
      statements.purges.oldestNew.bind(2, isRevocation)
      ages.append(try since(statements.purges.oldestNew, cache))
    }
    return PurgeBacklog(orders: orders, oldest: ages.compactMap(\.self).min())
  }

  private func since(_ statement: SQLiteStatement, _ cache: String) throws(StoreError) -> UnixTime? {
    statement.bind(1, cache)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    return try time(in: statement, column: 0, named: "since", of: "purges")
  }

  func hurryPurges(of cache: String, to time: UnixTime) throws(StoreError) {
    let statements = [statements.purges.isAfter, statements.purges.hurry]
    for statement in statements {
      statement.bind(1, cache)
      statement.bind(2, SQLiteSession.notBefore(time))
    }
    // Looked for first: a start would wait for whoever imports, and for nothing.
    defer { statements[0].reset() }
    guard try statements[0].step() else { return }
    statements[0].reset()
    try statements[1].run()
  }

  /// 0 is "never tried", and a time that cannot be would keep the whole line from being read.
  private static func notBefore(_ time: UnixTime) -> Int64 {
    min(max(time.seconds, 1), UnixTime.endOfTime.seconds)
  }

  // MARK: - What became of orders

  func settlePurges(_ outcomes: [PurgeOutcome], for cache: String) throws(StoreError) {
    if outcomes.isEmpty { return }
    // An import may hold the lock for minutes, while a lane has other certificates to purge.
    connection.waitForWriters(milliseconds: 0)
    defer { connection.waitForWriters(milliseconds: SQLiteConnection.patience) }
    // What a power cut takes back is purged once more, which harms nobody: it need not wait for the disk as an event must.
    try connection.execute("PRAGMA synchronous = NORMAL")
    defer { _ = try? connection.execute("PRAGMA synchronous = FULL") }
    try connection.storeTransaction { () throws(StoreError) in
      for outcome in outcomes { try settle(outcome, for: cache) }
    }
  }

  private func settle(_ outcome: PurgeOutcome, for cache: String) throws(StoreError) {
    let order = outcome.order
    var statement = statements.purges.finish
    if case .putOff(let time) = outcome.result {
      statement = statements.purges.putOff
      statement.bind(5, SQLiteSession.notBefore(time))
      statement.bind(6, Int64(order.failures))
      statement.bind(7, order.isRepetition ? 1 : 0)
    }
    statement.bind(1, cache)
    statement.bind(2, order.issuer.value)
    statement.bind(3, order.serial.octets)
    statement.bind(4, Int64(clamping: order.revision.value))
    try statement.run()
  }
}
