import CalendarTime
import Foundation
import OCSP
import Records
import Responder
import TestSupport
import Testing

@testable import Feeds

/// Files, with the real inotify and the real store. The poll is so slow that it plays no part, where nothing else is said.
@Suite("CRL watcher")
struct CRLWatcherTests {
  @Test("a file that is there, one that takes its place, and one that is written over: each is read, and announced")
  func files() throws {
    let world = try WatcherWorld()
    try world.place(world.list([(1, .keyCompromise)], number: 1, age: 30))
    try world.start()
    try world.waitToHear("number 1", "1 added")
    try world.place(world.list([(1, .keyCompromise), (2, nil)], number: 2, age: 20))
    try world.waitToHear("number 2", "1 added")
    let handle = try #require(FileHandle(forWritingAtPath: world.path("ca.crl")))
    try handle.truncate(atOffset: 0)
    let third = try world.list([(1, .keyCompromise), (2, nil), (3, .superseded)], number: 3, age: 10)
    try handle.write(contentsOf: third.prefix(third.count / 2))
    try handle.write(contentsOf: third.suffix(third.count - third.count / 2))
    try handle.close()
    try world.waitToHear("number 3", "1 added")
    #expect(try world.record(3)?.revocation?.reason == .superseded)
    try world.waitForReport { $0.number == CRLNumber(3) }
    let latest = try world.latest()
    #expect(world.applied.announced.last == latest && world.applied.announced.count == 3)
    #expect(world.watcher.reports.first.map { [$0.counters.current(.applied), $0.counters.failures] } == [3, 0])
  }

  @Test("a file and a folder that come later, and a folder that is a link")
  func appearance() throws {
    let world = try WatcherWorld(pollMilliseconds: 20, pauseMilliseconds: 20)
    try world.start(["later/ca.crl", "link/ca.crl"])
    try world.waitToHear("later/ca.crl", "No such file")
    try FileManager.default.createDirectory(atPath: world.path("later"), withIntermediateDirectories: false)
    try world.place(world.list([(1, nil)], number: 1), as: "later.crl")
    try FileManager.default.moveItem(atPath: world.path("later.crl"), toPath: world.path("later/ca.crl"))
    try world.waitToHear("later/ca.crl", "1 added")
    try world.waitToHear("later/ca.crl", "can be read again")
    try FileManager.default.createSymbolicLink(
      atPath: world.path("link"), withDestinationPath: world.path("later"))
    try world.waitToHear("link/ca.crl", "can be read again")
    try world.waitForReport { $0.troubles.isEmpty && $0.number == CRLNumber(1) }
  }

  @Test("what is wrong changes nothing, is told with the file's name, and counted")
  func refusals() throws {
    let world = try WatcherWorld()
    try world.place(world.list([(1, nil)], number: 5, age: 30))
    try world.start(maximumBytes: 4096)
    try world.waitToHear("number 5", "1 added")
    let before = try world.latest()
    var broken = try world.list([(2, nil)], number: 6)
    broken[broken.count - 1] ^= 1
    let foreign = try TestAuthority(name: "Other").list([], number: 6, thisUpdate: world.clock.now())
    let many = try world.list((1...200).map { ($0, nil) }, number: 6)
    for (octets, words) in [
      (broken, "the signature is not that of"), (foreign, "another issuer"), (many, "crl.maximumSize allows 4096"),
      (try world.list([(2, nil)], number: 4, age: 20), "is older than the one before it from here"),
      (try world.list([(2, nil)], number: 6, age: -400), "thisUpdate lies in the future"),
      (Array(broken.prefix(50)), "not a CRL"), ([], "expected DER, or PEM"),
    ] {
      try world.place(octets)
      try world.waitToHear("ca.crl", words)
    }
    try world.waitForReport { $0.counters.failures == 7 && $0.troubles.count == 1 }
    #expect(try world.latest() == before && world.record(2) == nil)
    let report = try #require(world.watcher.reports.first)
    #expect(report.counters.current(.refused) == 6 && report.counters.current(.unavailable) == 1)
    #expect(report.number == CRLNumber(5))
    try world.place(world.list([(1, nil), (2, nil)], number: 6))
    try world.waitToHear("can be read again")
    try world.waitForReport { $0.troubles.isEmpty && $0.number == CRLNumber(6) }
  }

  @Test("a hold that the next list leaves out is lifted; what else it leaves out stays revoked (invariant 1)")
  func holds() throws {
    let world = try WatcherWorld()
    try world.place(world.list([(1, .certificateHold), (2, .superseded)], number: 1, age: 30))
    try world.start()
    try world.waitToHear("number 1", "2 added")
    try world.place(world.list([], number: 2, age: 10))
    try world.waitToHear("number 2", "1 holds lifted")
    #expect(try world.record(1)?.status == .good && world.record(2)?.revocation?.reason == .superseded)
  }

  @Test("a delta that comes before its base waits for it; then it is applied, and lifts what it removes")
  func deltas() throws {
    let world = try WatcherWorld()
    try world.place(
      world.list([(1, .removeFromCRL), (2, nil)], number: 3, age: 10, base: 2), as: "delta.crl")
    try world.start(["delta.crl", "ca.crl"])
    try world.waitToHear("delta.crl", "begins at the complete CRL number 2", "none has been read")
    try world.waitForReport { $0.counters.current(.waiting) >= 1 }
    try world.place(world.list([(1, .certificateHold)], number: 2, age: 20))
    try world.waitToHear("delta CRL on 2", "1 added", "1 holds lifted")
    try world.waitForReport { $0.number == CRLNumber(3) && $0.troubles.isEmpty }
    #expect(try world.record(1)?.status == .good && world.record(2)?.revocation != nil)
  }

  @Test("an unchanged list costs no revision: written again, and read by the next start")
  func unchanged() throws {
    let world = try WatcherWorld()
    let list = try world.list([(1, nil)], number: 1)
    try world.place(list)
    try world.start()
    try world.waitToHear("number 1", "1 added")
    let before = try world.latest()
    try world.place(list)
    try world.waitForReport { $0.counters.current(.unchanged) == 1 }
    world.watcher.stop()
    let (next, heard) = try anotherWatcher(world)
    defer { next.stop() }
    #expect(heard.contains("nothing new"), "\(heard)")
    #expect(try world.latest() == before)
  }

  /// A watcher over the same store, as after a restart; with the first thing it said of a CRL.
  private func anotherWatcher(_ world: WatcherWorld) throws -> (CRLWatcher, String) {
    let lines = Signalled()
    let next = try CRLWatcher(
      store: world.store, revisions: world.applied, cache: world.cache, clock: world.clock,
      log: CRLLog(info: { lines.say($0) }, warning: { lines.say($0) }))
    next.adopt([world.feed(["ca.crl"])])
    try next.start()
    return (next, lines.first())
  }

  @Test("a list whose end has passed is used, and told loudly")
  func stale() throws {
    let world = try WatcherWorld()
    try world.place(world.list([(1, nil)], number: 1, age: 100, nextUpdate: 50))
    try world.start()
    try world.waitToHear("this CRL ended at")
    try world.waitForReport { $0.warnings(at: world.clock.now()).contains { $0.contains("is used all the same") } }
    #expect(try world.record(1)?.revocation != nil && world.watcher.objections == [])
  }

  @Test("answers are withheld from before the start, until a list is read, applied, and young enough; and again later")
  func ages() throws {
    let world = try WatcherWorld()
    world.watcher.adopt([world.feed(["ca.crl"], maximumAge: 100)])
    #expect(world.progress.isWithheld && world.cache.withholdsSome, "before the thread has begun")
    try world.watcher.start()
    try world.waitToHear("no CRL has been read since the start")
    world.applied.apply(upTo: .zero)
    try world.place(world.list([(1, nil)], number: 1, age: 30))
    try world.waitToHear("number 1", "1 added")
    try world.waitForReport { $0.number != nil }
    #expect(world.progress.isWithheld, "memory has not seen the change yet")
    world.applied.apply(upTo: Revision(.max))
    try world.waitToHear("its questions are answered again")
    try world.waitForReport { $0.objection == nil }
    #expect(!world.progress.isWithheld && !world.cache.withholdsSome)
    world.clock.advance(seconds: 71)
    try world.waitToHear("is 101 s old")
    try world.waitForReport { $0.objection?.contains("'one'") == true }
    #expect(world.progress.isWithheld && world.cache.withholdsSome && world.watcher.objections.count == 1)
    try world.place(world.list([(1, nil)], number: 2))
    try world.waitToHear("its questions are answered again", count: 2)
  }

  @Test("other sources take over while it runs; an issuer that is gone is answered for again")
  func reload() throws {
    let world = try WatcherWorld()
    try world.place(world.list([(1, nil)], number: 1, age: 30))
    try world.place(world.list([(2, nil)], number: 7, age: 20), as: "other.crl")
    try world.start(maximumAge: 1000)
    try world.waitToHear("number 1", "1 added")
    world.watcher.adopt([world.feed(["other.crl"], maximumAge: 1000)])
    try world.waitToHear("number 7", "1 added")
    try world.waitForReport { $0.number == CRLNumber(7) }
    let heard = world.watcher.reports.first?.counters.current(.applied)
    try world.place(world.list([(3, nil)], number: 2))
    world.watcher.adopt([world.feed(["other.crl"], maximumAge: 10)])
    try world.waitToHear("crl.maximumAge is 10 s")
    #expect(world.watcher.reports.first?.counters.current(.applied) == heard, "the file of before is nobody's")
    world.watcher.adopt([])
    try world.waitForNoReports()
    #expect(!world.progress.isWithheld && !world.cache.withholdsSome)
  }
}
