import CalendarTime
import OCSP
import Responder
import TestSupport
import Testing

@Suite("Record changes")
struct RecordChangeTests {
  private let certHash = OCSPExtension(identifier: [0x2A, 0x03], value: [5, 0]).encoded()

  private func record(
    _ revocation: Revocation?, notAfter: UnixTime? = nil, extensions: [UInt8] = []
  ) -> CertificateRecord {
    CertificateRecord(
      serial: Sample.serial(1), notAfter: notAfter, revocation: revocation, singleExtensions: extensions)
  }

  @Test("an invalidityDate of one source leaves the certHash of another alone")
  func extensions() {
    let invalidity = SingleExtension.invalidityDate(Sample.start)
    let held = record(nil, extensions: certHash)
    let change = RecordChange(
      held: held, incoming: record(Sample.revocation(), extensions: invalidity), assertsStatus: true)
    #expect(change == .update(record(Sample.revocation(), extensions: certHash + invalidity)))
  }

  @Test("good or hold of what is revoked for good keeps the revocation and takes the rest", arguments: [true, false])
  func keptRevocation(isHold: Bool) {
    let incoming = isHold ? Sample.revocation(.certificateHold) : nil
    let held = record(Sample.revocation(.superseded))
    #expect(
      RecordChange(held: held, incoming: record(incoming, notAfter: Sample.start), assertsStatus: true)
        == .keepsRevocation(record(Sample.revocation(.superseded), notAfter: Sample.start)))
    #expect(
      RecordChange(held: held, incoming: record(incoming, extensions: certHash), assertsStatus: true)
        == .keepsRevocation(record(Sample.revocation(.superseded), extensions: certHash)))
    #expect(RecordChange(held: held, incoming: record(incoming), assertsStatus: true) == .keepsRevocation(nil))
  }

  @Test("the summary counts what stays revoked once, whether or not there is other news")
  func summary() {
    var summary = ImportSummary()
    #expect(summary.count(.keepsRevocation(nil), of: Sample.serial(1)) == nil)
    #expect(!summary.hasChanges)
    let news = record(Sample.revocation(), notAfter: Sample.start)
    #expect(summary.count(.keepsRevocation(news), of: Sample.serial(2)) == news)
    #expect(summary.count(.unchanged, of: Sample.serial(3)) == nil)
    #expect(summary.count(.insert(news), of: Sample.serial(4)) == news)
    #expect(summary.hasChanges && summary.added == 1 && summary.unchanged == 1)
    #expect(summary.keptRevoked.count == 2 && summary.keptRevoked.updated == 1)
    #expect((summary.revoked, summary.changed, summary.updated, summary.keptGraver.count) == (1, 0, 1, 0))
    #expect(summary.keptRevoked.examples == [Sample.serial(1), Sample.serial(2)])
    #expect(summary.count(.keepsGraver(news), of: Sample.serial(5)) == news)
    #expect((summary.keptGraver.count, summary.keptGraver.updated, summary.updated) == (1, 1, 2))
    #expect(summary.keptGraver.examples == [Sample.serial(5)])
  }

  @Test("a lifted hold takes its invalidityDate along, and nothing else; of a permanent revocation it stays")
  func lifted() {
    let invalidity = SingleExtension.invalidityDate(Sample.start)
    let held = record(Sample.revocation(.certificateHold), extensions: invalidity + certHash)
    #expect(
      RecordChange(held: held, incoming: record(nil), assertsStatus: true) == .update(record(nil, extensions: certHash))
    )
    #expect(RecordChange(held: held, incoming: record(nil), assertsStatus: false) == .unchanged)
    let both = record(Sample.revocation(), extensions: invalidity + certHash)
    #expect(RecordChange(held: both, incoming: record(nil), assertsStatus: true) == .keepsRevocation(nil))
    // One that an earlier import has left behind.
    #expect(
      RecordChange(held: record(nil, extensions: invalidity), incoming: record(nil), assertsStatus: true)
        == .update(record(nil)))
  }

  /// Every reason that a permanent revocation may have, and none.
  private static let permanent: [RevocationReason?] =
    RevocationReason.allCases.filter { $0 != .certificateHold && $0 != .removeFromCRL } + [nil]
  private static let compromises: [RevocationReason?] = [.keyCompromise, .caCompromise, .aaCompromise]

  @Test(
    "every reason and time over every other: no compromise is played down, no time moved later", arguments: permanent,
    permanent)
  func graver(held: RevocationReason?, incoming: RevocationReason?) {
    for seconds in [-1, 0, 1] as [Int64] {
      let other = Revocation(time: Sample.start.advanced(bySeconds: seconds), reason: incoming)
      let before = record(Revocation(time: Sample.start, reason: held))
      let change = RecordChange(held: before, incoming: record(other), assertsStatus: true)
      let saysNothing = incoming == nil || incoming == .unspecified
      let keepsReason = !saysNothing && RecordChangeTests.compromises.contains(held) && incoming != held
      var expected = Revocation(time: min(Sample.start, other.time), reason: incoming)
      if keepsReason || (saysNothing && held != nil) { expected.reason = held }
      let after = record(expected) == before ? nil : record(expected)
      if keepsReason || seconds > 0 {
        #expect(change == .keepsGraver(after), "\(seconds)")
      } else {
        #expect(change == (after.map { .update($0) } ?? .unchanged), "\(seconds)")
      }
    }
  }

  @Test("a hold becomes what the file says, from its own time on; a file does not move a hold later either")
  func overHold() {
    let later = Sample.start.advanced(bySeconds: 10)
    let held = record(Revocation(time: Sample.start, reason: .certificateHold))
    for reason in [nil, .superseded, .certificateHold] as [RevocationReason?] {
      let expected = record(Revocation(time: Sample.start, reason: reason))
      #expect(
        RecordChange(held: held, incoming: record(Revocation(time: later, reason: reason)), assertsStatus: true)
          == .keepsGraver(expected == held ? nil : expected))
    }
  }
}
