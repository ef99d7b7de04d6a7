import CalendarTime
import EventLoop
import Foundation
import OCSP
import OpenSSLCrypto
import Records
import Responder
import SQLiteStore
import Synchronization
import TestSupport
import Testing

@testable import Feeds

/// A watcher over real files and a real store, and what it has said.
final class WatcherWorld: Sendable {
  /// Everything that is waited for comes by far sooner.
  static let patienceMilliseconds: Int64 = 60_000
  let folder: String
  let authority: TestAuthority
  let store: SQLiteStore
  let issuer: StoreIssuerID
  let progress = IssuerProgress()
  let cache = AnswerCache(budgetBytes: 1 << 16, seed: 1)
  let applied = RecordedRevisions()
  let clock = ManualClock(UnixTime(seconds: Int64(Date().timeIntervalSince1970)))
  let watcher: CRLWatcher
  private let spoken = GrowingValue()

  /// - Parameter pollMilliseconds: long by itself, so that what is seen is seen through inotify.
  init(pollMilliseconds: Int64 = 600_000, pauseMilliseconds: Int = 600_000) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder + "/crls", withIntermediateDirectories: true)
    authority = try TestAuthority()
    store = try SQLiteStore(path: folder + "/store.sqlite")
    issuer = try store.openSession().issuer(name: "one", identity: [1])
    let (lines, spoken) = (Lines(), self.spoken)
    let said: @Sendable (String) -> Void = { text in
      lines.add(text)
      spoken.raise(to: spoken.current + 1)
    }
    self.said = lines
    var times = CRLWatcher.Times()
    times.pollMilliseconds = pollMilliseconds
    times.settleMilliseconds = 50
    times.firstPauseMilliseconds = pauseMilliseconds
    watcher = try CRLWatcher(
      store: store, revisions: applied, cache: cache, clock: clock, log: CRLLog(info: said, warning: said),
      times: times)
  }

  private let said: Lines

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  deinit {
    watcher.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }

  func start(_ files: [String] = ["ca.crl"], maximumAge: Int64? = nil, maximumBytes: Int = 1 << 20) throws {
    watcher.adopt([feed(files, maximumAge: maximumAge, maximumBytes: maximumBytes)])
    try watcher.start()
  }

  func feed(_ files: [String], maximumAge: Int64? = nil, maximumBytes: Int = 1 << 20) -> CRLFeed {
    CRLFeed(
      issuerName: "one", storeID: issuer, certificate: authority.certificate, progress: progress,
      sources: files.map { .file(path($0)) }, maximumAgeSeconds: maximumAge, maximumBytes: maximumBytes)
  }

  func path(_ name: String) -> String { folder + "/crls/" + name }

  /// A CRL made so many seconds ago.
  func list(
    _ entries: [(Int, RevocationReason?)], number: UInt8, age: Int64 = 0, base: UInt8? = nil,
    nextUpdate: Int64 = 86_400
  ) throws -> [UInt8] {
    let thisUpdate = clock.now().advanced(bySeconds: -age)
    return try authority.list(
      entries.map { TestAuthority.Entry(Sample.serial($0.0), $0.1, at: thisUpdate) }, number: number,
      thisUpdate: thisUpdate, nextUpdate: thisUpdate.advanced(bySeconds: nextUpdate), base: base)
  }

  /// Puts a file there in one step.
  func place(_ octets: [UInt8], as name: String = "ca.crl") throws {
    let temporary = folder + "/" + name + ".new"
    try Data(octets).write(to: URL(fileURLWithPath: temporary))
    let isMoved = unsafe rename(temporary, path(name)) == 0
    try #require(isMoved)
  }

  func record(_ number: Int) throws -> CertificateRecord? {
    try store.openSession().status(issuer: issuer, serial: Sample.serial(number)).record
  }

  func latest() throws -> Revision { try store.openSession().latestRevision() }

  /// Waits until the watcher has said something with all these words, `count` times; gives it.
  @discardableResult
  func waitToHear(_ words: String..., count: Int = 1, place: SourceLocation = #_sourceLocation) throws -> String {
    try waitFor("\(words)", place) {
      let fitting = said.all.filter { line in words.allSatisfy { line.contains($0) } }
      return fitting.count >= count ? fitting.last : nil
    }
  }

  /// Waits until a report is as wanted: it is made anew after whatever the watcher does.
  func waitForReport(place: SourceLocation = #_sourceLocation, _ isWanted: (CRLReport) -> Bool) throws {
    _ = try waitFor("a report", place) { watcher.reports.contains(where: isWanted) ? "" : nil }
  }

  fileprivate func waitFor(_ what: String, _ place: SourceLocation, _ found: () -> String?) throws -> String {
    let end = MonotonicTime.now().advanced(byMilliseconds: WatcherWorld.patienceMilliseconds)
    while true {
      let seen = spoken.current
      if let text = found() { return text }
      guard MonotonicTime.now() < end else {
        Issue.record("did not come: \(what); said: \(said.all.joined(separator: "\n"))", sourceLocation: place)
        throw Silence()
      }
      _ = spoken.wait(for: seen + 1, milliseconds: 20)
    }
  }

  func hasSaid(_ words: String) -> Bool { said.all.contains { $0.contains(words) } }

  private struct Silence: Error {}
}

/// Applies what a test lets it apply, and remembers what was announced.
final class RecordedRevisions: AppliedRevisions {
  private let state = Mutex((applied: Revision(.max), announced: [Revision]()))

  var appliedRevision: Revision { state.withLock { $0.applied } }
  var announced: [Revision] { state.withLock { $0.announced } }
  func apply(upTo revision: Revision) { state.withLock { $0.applied = revision } }

  func waitUntilApplied(_ revision: Revision, milliseconds: Int64) -> Bool {
    state.withLock { state in
      state.announced.append(revision)
      return state.applied >= revision
    }
  }
}

extension WatcherWorld {
  func waitForNoReports(place: SourceLocation = #_sourceLocation) throws {
    _ = try waitFor("no report", place) { watcher.reports.isEmpty ? "" : nil }
  }
}

/// What another watcher says, to wait for.
final class Signalled: Sendable {
  private let lines = Mutex<[String]>([])
  private let count = GrowingValue()

  func say(_ line: String) {
    let number = lines.withLock { lines in
      lines.append(line)
      return lines.count
    }
    count.raise(to: UInt64(number))
  }

  func first() -> String {
    _ = count.wait(for: 1, milliseconds: WatcherWorld.patienceMilliseconds)
    return lines.withLock { $0.first ?? "nothing" }
  }
}
