import CalendarTime
import OCSP
import Records
import Responder

/// Brings what a CRL says into the store: first a look without a lock at what would change, then one transaction with that
/// alone. The store is not kept from others for as long as a large list takes to compare.
struct CRLDifferences {
  private static let page = 4096
  let session: any StatusStoreSession
  let issuer: StoreIssuerID
  /// Changes that are remembered from the look; with more the whole list goes into the transaction once again.
  var maximumRemembered = 65_536
  /// Whether the program ends: then nothing is changed.
  var isClosing: () -> Bool = { false }

  /// The program ends.
  struct GivenUp: Error, CustomStringConvertible {
    var description: String { "given up, because the program ends" }
  }

  struct Outcome {
    /// Nil where nothing was to be changed, and nothing was written.
    var summary: ImportSummary?
    var entries: Int
  }

  /// - Throws: `RecordError` for a malformed entry, with nothing changed, and what the store throws.
  func apply(_ list: CertificateList, source: String, at now: UnixTime) throws -> Outcome {
    let reader = CRLReader(list)
    let changes = try lookForChanges(reader, list)
    // Only a complete list of all certificates says by its silence that a hold is over.
    let tellsOfHolds = !list.isDelta && list.scope == nil
    let hasHoldsToLift = tellsOfHolds ? try hasUnlistedHolds(reader) : false
    guard !(changes?.isEmpty ?? false) || hasHoldsToLift else { return Outcome(summary: nil, entries: reader.count) }
    var remembered = (changes ?? [])[...]
    let again = changes == nil ? CRLReader(list, isCheckedBefore: true) : nil
    var lastHold: SerialNumber?
    var areHoldsDone = !hasHoldsToLift
    let summary = try session.applyRevocationList(
      issuer: issuer, thisUpdate: list.thisUpdate, source: source, at: now
    ) {
      if isClosing() { throw GivenUp() }
      if let again, let batch = try again.next() { return batch }
      if !remembered.isEmpty {
        defer { remembered = remembered.dropFirst(CRLDifferences.page) }
        return Array(remembered.prefix(CRLDifferences.page))
      }
      guard !areHoldsDone else { return nil }
      let holds = try session.serialsOnHold(issuer: issuer, after: lastHold, limit: CRLDifferences.page)
      lastHold = holds.last
      areHoldsDone = holds.count < CRLDifferences.page
      return holds.filter { !reader.hasListed($0) }.map { CertificateRecord(serial: $0, notAfter: nil) }
    }
    return Outcome(summary: summary.hasChanges ? summary : nil, entries: reader.count)
  }

  /// The records that would change; nil where there are more than are remembered. Reads all of the list in any case.
  private func lookForChanges(_ reader: CRLReader, _ list: CertificateList) throws -> [CertificateRecord]? {
    var changes: [CertificateRecord]? = []
    while let batch = try reader.next() {
      if isClosing() { throw GivenUp() }
      guard let count = changes?.count else { continue }
      let found = try session.differences(of: batch, issuer: issuer, thisUpdate: list.thisUpdate)
      if count + found.count <= maximumRemembered { changes? += found } else { changes = nil }
    }
    return changes
  }

  private func hasUnlistedHolds(_ reader: CRLReader) throws -> Bool {
    var last: SerialNumber?
    while true {
      let holds = try session.serialsOnHold(issuer: issuer, after: last, limit: CRLDifferences.page)
      if holds.contains(where: { !reader.hasListed($0) }) { return true }
      guard holds.count == CRLDifferences.page else { return false }
      last = holds.last
    }
  }
}
