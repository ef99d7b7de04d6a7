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
    #expect((summary.keptRevoked, summary.keptRevokedUpdated, summary.revoked, summary.changed) == (2, 1, 1, 0))
    #expect(summary.keptRevokedExamples == [Sample.serial(1), Sample.serial(2)])
  }
}
