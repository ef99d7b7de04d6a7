import CalendarTime
import OCSP
import Responder

extension MemorySession {
  func take(_ messages: [StatusMessage], at time: UnixTime) throws(StoreError) -> [MessageOutcome] {
    try store.use { tables in messages.map { tables.take($0, at: time) } }
  }

  func forgetMessages(before time: UnixTime) throws(StoreError) -> Int {
    try store.use { tables in
      let before = tables.messages.count
      tables.messages.removeAll { $0.time < time }
      return before - tables.messages.count
    }
  }
}

extension MemoryStore.Tables {
  fileprivate mutating func take(_ message: StatusMessage, at time: UnixTime) -> MessageOutcome {
    if let known = messages.first(where: { $0.message.id == message.id }) {
      return known.message.digest == message.digest ? .repeated(known.receipt) : .idTaken
    }
    let present = self
    func held(_ serial: SerialNumber) -> CertificateRecord? {
      certificates[.init(issuer: message.issuer, serial: serial)]?.record
    }
    let next = Revision(revision.value + 1)
    var receipt = MessageReceipt(revision: revision, changed: 0, unchanged: 0)
    func write(_ change: RecordChange) {
      guard let record = change.record else {
        receipt.unchanged += 1
        return
      }
      receipt.changed += 1
      receipt.revision = next
      self.write(record, issuer: message.issuer, revision: next, at: time)
    }
    do throws(MessageContradiction) {
      switch message.statement {
      case .revoked(let records):
        for record in records { write(RecordChange(held: held(record.serial), incoming: record, assertsStatus: true)) }
      case .issued(let records):
        for record in records { write(RecordChange(held: held(record.serial), incoming: record, assertsStatus: false)) }
      case .released(let serials, let time):
        for (place, serial) in serials.enumerated() {
          write(try RecordChange.release(serial, held: held(serial), at: time, place: place))
        }
      case .issuerCompromised(let since):
        compromised[message.issuer] = min(compromised[message.issuer] ?? since, since)
        for (key, row) in present.certificates where key.issuer == message.issuer {
          write(RecordChange.compromise(held: row.record, since: since))
        }
      }
    } catch {
      self = present
      return .contradicted(error)
    }
    revision = receipt.revision
    messages.append((message, receipt, time))
    return .taken(receipt)
  }
}
