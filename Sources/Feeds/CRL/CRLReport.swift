public import CalendarTime
import Metrics
public import Records

/// How a look at a source ended.
public enum CRLReadResult: String, Sendable, Hashable, CaseIterable {
  /// It brought changes into the store.
  case applied
  /// A CRL that says nothing new.
  case unchanged
  /// The server says that it has no other one (304).
  case notModified = "not_modified"
  /// A delta CRL whose base has not been read.
  case waiting
  /// It is not to be had: no file, no answer, too large.
  case unavailable
  /// It is not this issuer's word: signature, name, number, dates, form.
  case refused
  /// The store did not take it.
  case unstored

  public var isFailure: Bool {
    switch self {
    case .applied, .unchanged, .notModified: false
    case .waiting, .unavailable, .refused, .unstored: true
    }
  }
}

/// What is counted of one issuer's sources. Any thread may add and read.
public final class CRLCounters: Sendable {
  private let applied = Counter()
  private let unchanged = Counter()
  private let notModified = Counter()
  private let waiting = Counter()
  private let unavailable = Counter()
  private let refused = Counter()
  private let unstored = Counter()

  func add(_ result: CRLReadResult) {
    switch result {
    case .applied: applied.add(1)
    case .unchanged: unchanged.add(1)
    case .notModified: notModified.add(1)
    case .waiting: waiting.add(1)
    case .unavailable: unavailable.add(1)
    case .refused: refused.add(1)
    case .unstored: unstored.add(1)
    }
  }

  public func current(_ result: CRLReadResult) -> UInt64 {
    switch result {
    case .applied: applied.current
    case .unchanged: unchanged.current
    case .notModified: notModified.current
    case .waiting: waiting.current
    case .unavailable: unavailable.current
    case .refused: refused.current
    case .unstored: unstored.current
    }
  }

  public var failures: UInt64 {
    CRLReadResult.allCases.filter(\.isFailure).reduce(0) { $0 + current($1) }
  }
}

/// How one issuer's CRLs stand.
public struct CRLReport: Sendable {
  public var issuerName: String
  public var counters: CRLCounters
  /// Nil where none has been read since the start, or it has none.
  public var number: CRLNumber?
  /// As of when the newest CRL speaks; nil where none has been read since the start.
  public var newestUpdate: UnixTime?
  /// When there should be another one.
  public var nextUpdate: UnixTime?
  public var entries: Int
  /// Why the issuer's answers are withheld; nil where they are not.
  public var objection: String?
  /// What is wrong with sources at present, each in a sentence.
  public var troubles: [String]

  /// What an operator should know.
  public func warnings(at now: UnixTime) -> [String] {
    guard let nextUpdate, nextUpdate < now else { return troubles }
    return troubles + [
      "issuer '\(issuerName)': its newest CRL ended at \(nextUpdate.iso8601) and is used all the same; there must be a "
        + "newer one"
    ]
  }
}
