import CalendarTime
import OCSP
import Responder

extension SQLiteSession {
  private static let forgottenAtOnce: Int64 = 1000
  private static let compromisedAtOnce = 4096

  func take(_ messages: [StatusMessage], at time: UnixTime) throws(StoreError) -> [MessageOutcome] {
    if !takesMessages {
      // One session of a responder does: with less, each of many certificates would read its page again.
      try setCache(kibibytes: SQLiteSession.importCacheKibibytes)
      takesMessages = true
    }
    return try connection.storeTransaction { () throws(StoreError) in
      var outcomes: [MessageOutcome] = []
      outcomes.reserveCapacity(messages.count)
      for message in messages { outcomes.append(try take(message, at: time)) }
      return outcomes
    }
  }

  private func take(_ message: StatusMessage, at time: UnixTime) throws(StoreError) -> MessageOutcome {
    if let known = try find(message) { return known }
    // Before anything of the message is written: the transaction has other messages in it.
    if let contradiction = try contradiction(of: message) { return .contradicted(contradiction) }
    var tally = Tally(unchangedRevision: try latestRevision(), time: time)
    switch message.statement {
    case .revoked(let records): try write(records, assertsStatus: true, of: message, &tally)
    case .issued(let records): try write(records, assertsStatus: false, of: message, &tally)
    case .released(let serials, let time):
      for (place, serial) in serials.enumerated() {
        let held = try status(issuer: message.issuer, serial: serial).record
        // It was looked at above, in this transaction; one that is named twice is good the second time.
        let change = try? RecordChange.release(serial, held: held, at: time, place: place)
        try write(change, over: held, of: message, &tally)
      }
    case .issuerCompromised(let since): try writeCompromise(since: since, of: message, &tally)
    }
    try keep(message, tally.receipt, at: time)
    return .taken(tally.receipt)
  }

  private struct Tally {
    var unchangedRevision: Revision
    var time: UnixTime
    /// One for all changes of a message, and none for a message without any.
    var change: StoreChange?
    var changed = 0
    var unchanged = 0

    var receipt: MessageReceipt {
      MessageReceipt(revision: change?.revision ?? unchangedRevision, changed: changed, unchanged: unchanged)
    }
  }

  private func contradiction(of message: StatusMessage) throws(StoreError) -> MessageContradiction? {
    guard case .released(let serials, let time) = message.statement else { return nil }
    for (place, serial) in serials.enumerated() {
      let held = try status(issuer: message.issuer, serial: serial).record
      do throws(MessageContradiction) {
        _ = try RecordChange.release(serial, held: held, at: time, place: place)
      } catch {
        return error
      }
    }
    return nil
  }

  private func write(
    _ records: [CertificateRecord], assertsStatus: Bool, of message: StatusMessage, _ tally: inout Tally
  ) throws(StoreError) {
    for record in records {
      let held = try status(issuer: message.issuer, serial: record.serial).record
      let change = RecordChange(held: held, incoming: record, assertsStatus: assertsStatus)
      try write(change, over: held, of: message, &tally)
    }
  }

  private func write(
    _ news: RecordChange?, over held: CertificateRecord?, of message: StatusMessage, _ tally: inout Tally
  ) throws(StoreError) {
    guard let record = news?.record else {
      tally.unchanged += 1
      return
    }
    let change: StoreChange
    if let begun = tally.change { change = begun } else { change = try beginChange(of: message.issuer, at: tally.time) }
    tally.change = change
    try write(record, over: held, in: change)
    tally.changed += 1
  }

  /// Since when nothing of the issuer can be relied on; nil while it can.
  func compromise(of issuer: StoreIssuerID) throws(StoreError) -> UnixTime? {
    let statement = statements.compromise
    statement.bind(1, issuer.value)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    return statement.optionalInteger(0).map { UnixTime(seconds: $0) }
  }

  private func writeCompromise(
    since time: UnixTime, of message: StatusMessage, _ tally: inout Tally
  ) throws(StoreError) {
    statements.keepCompromise.bind(1, message.issuer.value)
    statements.keepCompromise.bind(2, time.seconds)
    try statements.keepCompromise.run()
    var last: SerialNumber?
    while true {
      let page = try serials(issuer: message.issuer, after: last, limit: SQLiteSession.compromisedAtOnce)
      for serial in page {
        guard let held = try status(issuer: message.issuer, serial: serial).record else { continue }
        try write(RecordChange.compromise(held: held, since: time), over: held, of: message, &tally)
      }
      guard page.count == SQLiteSession.compromisedAtOnce else { return }
      last = page.last
    }
  }

  // MARK: - What is remembered of messages

  private func find(_ message: StatusMessage) throws(StoreError) -> MessageOutcome? {
    let statement = statements.findMessage
    statement.bind(1, message.id)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    guard statement.blob(0) == message.digest.octets else { return .idTaken }
    return .repeated(
      MessageReceipt(
        revision: try revision(in: statement, column: 1, of: "events"), changed: Int(statement.integer(2)),
        unchanged: Int(statement.integer(3))))
  }

  private func keep(_ message: StatusMessage, _ receipt: MessageReceipt, at time: UnixTime) throws(StoreError) {
    let statement = statements.keepMessage
    statement.bind(1, message.id)
    statement.bind(2, time.seconds)
    statement.bind(3, message.issuer.value)
    statement.bind(4, Int64(clamping: receipt.revision.value))
    statement.bind(5, message.summary)
    statement.bind(6, message.digest.octets)
    statement.bind(7, Int64(receipt.changed))
    statement.bind(8, Int64(receipt.unchanged))
    try statement.run()
  }

  func forgetMessages(before time: UnixTime) throws(StoreError) -> Int {
    let statement = statements.forgetMessages
    statement.bind(1, time.seconds)
    statement.bind(2, SQLiteSession.forgottenAtOnce)
    try statement.run()
    return connection.changedRows
  }
}
