import CalendarTime
import OCSP
import Records
import Responder

/// What a CRL says of itself, beside its entries.
struct CRLFacts: Sendable, Hashable {
  var position: CRLPosition
  /// Nil for a complete CRL.
  var baseNumber: CRLNumber?
  var nextUpdate: UnixTime?
  /// What tells lists apart that go on beside each other.
  var partition: [UInt8]
  var digest: [UInt8]

  init(_ list: CertificateList, digest: [UInt8]) {
    self.init(
      position: CRLPosition(number: list.number, thisUpdate: list.thisUpdate), baseNumber: list.baseNumber,
      nextUpdate: list.nextUpdate, partition: list.partition, digest: digest)
  }

  init(
    position: CRLPosition, baseNumber: CRLNumber? = nil, nextUpdate: UnixTime? = nil, partition: [UInt8] = [],
    digest: [UInt8]
  ) {
    self.position = position
    self.baseNumber = baseNumber
    self.nextUpdate = nextUpdate
    self.partition = partition
    self.digest = digest
  }
}

/// A CRL's place in its sequence: by its number, and by its time where there is none.
struct CRLPosition: Sendable, Hashable, CustomStringConvertible {
  var number: CRLNumber?
  var thisUpdate: UnixTime

  func isBefore(_ other: CRLPosition) -> Bool {
    guard let number, let otherNumber = other.number, number != otherNumber else {
      return thisUpdate < other.thisUpdate
    }
    return number < otherNumber
  }

  var description: String {
    "\(number.map { "number \($0)" } ?? "without a number"), of \(thisUpdate.iso8601)"
  }
}

/// What has been read of one issuer's CRLs, and what to do with another one. Pure.
struct CRLTracker: Sendable {
  enum Verdict: Sendable, Hashable {
    case apply
    /// What it says is known.
    case nothingNew
    /// A delta CRL whose base has not been read; it may come.
    case waitsForBase(String)
    case refused(String)
  }

  /// The lists of one scope.
  private struct Partition: Sendable {
    var complete: CRLFacts?
    /// Of the newest list, complete or delta.
    var newest: CRLPosition
    var nextUpdate: UnixTime?
    /// Of the newest complete list.
    var entries = 0
  }

  private var partitions: [[UInt8]: Partition] = [:]
  /// What each source gave last.
  private var lastOfSource: [Int: (partition: [UInt8], position: CRLPosition)] = [:]
  /// How old the knowledge was when the sources changed, until one of the new ones has given something.
  private var inherited: UnixTime?

  /// - Parameter source: a number that stands for the source.
  func verdict(on facts: CRLFacts, from source: Int) -> Verdict {
    let position = facts.position
    if let last = lastOfSource[source], last.partition == facts.partition, position.isBefore(last.position) {
      return .refused("this CRL (\(position)) is older than the one before it from here (\(last.position))")
    }
    let known = partitions[facts.partition]
    if let base = facts.baseNumber {
      guard let complete = known?.complete?.position, let number = complete.number, number >= base else {
        let read = known?.complete.map { "the newest read is \($0.position)" } ?? "none has been read"
        return .waitsForBase(
          "this delta CRL (\(position)) begins at the complete CRL number \(base), and of those \(read)")
      }
      return known.map { $0.newest.isBefore(position) } ?? true ? .apply : .nothingNew
    }
    guard let known else { return .apply }
    if known.complete?.digest == facts.digest { return .nothingNew }
    // A delta CRL may have told more already.
    return position.isBefore(known.newest) ? .nothingNew : .apply
  }

  /// A list was applied, or had nothing new in it.
  ///
  /// - Parameter entries: how many it has; nil where they were not counted.
  mutating func accept(_ facts: CRLFacts, from source: Int, entries: Int?) {
    var partition = partitions[facts.partition] ?? Partition(newest: facts.position)
    if facts.baseNumber == nil, partition.complete.map({ !facts.position.isBefore($0.position) }) ?? true {
      partition.complete = facts
      if let entries { partition.entries = entries }
    }
    if !facts.position.isBefore(partition.newest) {
      partition.newest = facts.position
      partition.nextUpdate = facts.nextUpdate
    }
    partitions[facts.partition] = partition
    lastOfSource[source] = (facts.partition, facts.position)
    inherited = nil
    dropUnreferenced()
  }

  /// The source is not read any more.
  mutating func forget(_ source: Int) {
    let before = newestUpdate
    lastOfSource[source] = nil
    dropUnreferenced()
    if partitions.isEmpty { inherited = before }
  }

  /// Lists that nobody gives any more would only grow old.
  private mutating func dropUnreferenced() {
    let given = Set(lastOfSource.values.map(\.partition))
    partitions = partitions.filter { given.contains($0.key) }
  }

  private var oldest: Partition? {
    partitions.values.min { $0.newest.thisUpdate < $1.newest.thisUpdate }
  }

  /// As of when everything is known: the newest list's thisUpdate, and where there are several partitions that of the one
  /// whose newest list is oldest. Nil where none has been read.
  var newestUpdate: UnixTime? { oldest?.newest.thisUpdate ?? inherited }

  /// When there should be another list.
  var nextUpdate: UnixTime? { partitions.values.compactMap(\.nextUpdate).min() }

  var number: CRLNumber? { oldest?.newest.number }

  /// How many entries the newest complete lists have.
  var entries: Int { partitions.values.reduce(0) { $0 + $1.entries } }
}
