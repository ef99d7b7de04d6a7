import CalendarTime
import OCSP
import Responder
import Synchronization

/// What a signing thread is given to do.
enum SigningWork: Sendable {
  /// Somebody waits for it.
  case question(PendingQuestions<any OutcomeReceiver>.ID, ResponseKey)
  case live(PendingQuestions<any OutcomeReceiver>.ID, LiveQuestion)
  /// A certificate's status has changed to that revision.
  case change(ResponseKey, Revision)
  /// Many answers ahead of any question.
  case bulk(BulkSigning)
}

/// Answers of one issuer that are signed in one go: read from the store together, so that none is read alone.
///
/// One worker at a time; `next` tells how far it has come, so that another can go on where a token failed.
final class BulkSigning: Sendable {
  enum Reason: Sendable {
    /// The first answer of all.
    case presign
    case refresh
    case change
  }

  struct Entry: Sendable {
    var serial: SerialNumber
    var reading: StatusReading
  }

  let issuer: IssuerIndex
  let hashAlgorithm: HashAlgorithm
  let reason: Reason
  let entries: [Entry]
  /// Whether each is given to the saver; false where the keeper comes for all of them together.
  let isKeptNow: Bool
  private let position = Atomic<Int>(0)
  private let failed = Atomic<Int>(0)

  init(
    issuer: IssuerIndex, hashAlgorithm: HashAlgorithm, reason: Reason, entries: [Entry], isKeptNow: Bool = true
  ) {
    self.issuer = issuer
    self.hashAlgorithm = hashAlgorithm
    self.reason = reason
    self.entries = entries
    self.isKeptNow = isKeptNow
  }

  /// The place of the next entry to sign.
  var next: Int { position.load(ordering: .acquiring) }

  /// How many entries could not be signed.
  var failures: Int { failed.load(ordering: .acquiring) }

  func key(of number: Int) -> ResponseKey {
    ResponseKey(issuer: issuer, hashAlgorithm: hashAlgorithm, serial: entries[number].serial)
  }

  func entryHasFailed() {
    failed.wrappingAdd(1, ordering: .releasing)
  }

  func entriesAreDone(_ count: Int) {
    position.wrappingAdd(count, ordering: .releasing)
  }
}
