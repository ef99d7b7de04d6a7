import Foundation
import SQLiteStore
import Simulation
import Testing

@Suite("A simulated year")
struct YearTests {
  @Test("no answer outside its validity, no signer past its end, and the warning always before the damage")
  func year() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-year-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try SQLiteStore(path: folder.appendingPathComponent("store.sqlite").path)
    let report = try YearScenario(certificates: 100, seed: 1, store: store).run()
    let isClean = report.violations.isEmpty
    #expect(isClean, "\(report.violations.prefix(10).joined(separator: "\n"))")
    // Else the year was too easy to show anything.
    #expect(
      report.damagingEpisodes == [
        "an outage of three days", "a token that is too slow", "a signer that ends", "the same at the end of the year",
      ])
    #expect(report.signatures > 15_000 && report.checks > 50_000)
  }
}
