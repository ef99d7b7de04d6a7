import CalendarTime
import Metrics
import OCSP
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import Fleet
@testable import Responder

@Suite("What an origin shares")
struct PublisherTests {
  private let revoked = CertificateStatus.revoked(Sample.revocation())

  /// An origin's publisher in front of the fleet's shared level.
  private struct Scene {
    let world: FleetWorld
    let publisher: AnswerPublisher
    let directory: IssuerDirectory

    init(edges: Int = 1, queueLimit: Int = 1000, window: Int = 100, changePatience: Int64 = 500) throws {
      world = try FleetWorld(edges: edges)
      let store = MemoryStore()
      let directory = try IssuerDirectory.make(
        [Sample.settings("one", keys: [], credential: Sample.credential(5))], session: try store.openSession(),
        now: Sample.start)
      self.directory = directory
      var limits = AnswerPublisher.Limits()
      (limits.queueLimit, limits.window, limits.changePatienceMilliseconds) = (queueLimit, window, changePatience)
      publisher = AnswerPublisher(
        shared: world.shared, directory: { directory }, limits: limits, clock: world.clock, hasher: FakeHasher())
    }

    /// As the runtime hands it over.
    func answer(_ number: Int, _ status: CertificateStatus = .good, revision: UInt64 = 1) throws -> Answer {
      let issuer = directory.issuers.issuers[0]
      let key = world.key(number)
      let times = try #require(AnswerBuilder.times(issuer: issuer, now: world.clock.now(), jitter: 0))
      let tbs = AnswerBuilder.tbsResponseData(
        AnswerBuilder.Statement(status: status), certID: try #require(issuer.encodedCertID(key.serial, .sha1)),
        times: times, issuer: issuer, credential: issuer.credential)
      return AnswerBuilder.answer(
        AnswerBuilder.Plan(
          key: key, revision: Revision(revision), times: times, isForUnissued: false, credential: issuer.credentialIndex
        ),
        tbsResponseData: tbs, signature: [9], entry: directory.credential(of: issuer), hasher: FakeHasher())
    }

    func change(_ number: Int, revision: UInt64) {
      publisher.changed(
        IssuerIndex(0),
        ChangedCertificate(
          issuer: directory.issuers.issuers[0].storeID,
          record: Sample.record(number, revocation: Sample.revocation()), revision: Revision(revision)))
    }

    func send() { while publisher.turn() {} }
  }

  @Test("answers go out once there is a token, and renewals are told in groups")
  func renewals() throws {
    let scene = try Scene()
    for number in 1...300 { scene.publisher.published(try scene.answer(number)) }
    scene.send()
    #expect(scene.world.shared.value(scene.world.sharedKey(1)) == nil, "no token, no origin")
    scene.publisher.lead(FencingToken(3), after: nil)
    scene.send()
    #expect(scene.publisher.isSettled && scene.publisher.counters.written.current == 300)
    #expect(scene.world.shared.streamCount <= 4)
    #expect(try scene.world.status(scene.world.ask(300)) == .good)
    // The same again changes nothing, and is no news.
    let count = scene.world.shared.streamCount
    scene.publisher.published(try scene.answer(1))
    scene.send()
    #expect(scene.publisher.counters.unchanged.current == 1 && scene.world.shared.streamCount == count)
  }

  @Test("a change goes before all renewals, first written and then told, with its answer")
  func changesFirst() throws {
    let scene = try Scene(window: 1)
    for number in 1...5 { scene.publisher.published(try scene.answer(number)) }
    scene.publisher.lead(FencingToken(1), after: nil)
    scene.send()
    scene.world.hearAll()
    for number in 1...3 { #expect(try scene.world.status(scene.world.ask(number)) == .good) }
    scene.world.shared.stepByStep()
    scene.world.clock.advance(seconds: 60)
    for number in 2...5 { scene.publisher.published(try scene.answer(number)) }
    scene.change(1, revision: 2)
    scene.publisher.published(try scene.answer(1, revoked, revision: 2))
    let before = scene.world.shared.streamCount
    #expect(scene.publisher.turn() && scene.world.shared.turn())
    let held = try #require(scene.world.shared.value(scene.world.sharedKey(1)))
    #expect(held.number(at: 12, count: 8) == 2 && scene.world.shared.streamCount == before)
    while scene.publisher.turn() || scene.world.shared.turn() {}
    #expect(scene.publisher.isSettled)
    #expect(scene.world.shared.tellNext(0) && scene.world.shared.tellNext(0), "the beat, and the first news after it")
    #expect(try scene.world.served(1) == revoked)
  }

  @Test("where no answer comes soon, the others are told to forget the old one")
  func withoutAnswer() throws {
    let scene = try Scene(changePatience: 0)
    scene.publisher.published(try scene.answer(1))
    scene.publisher.lead(FencingToken(1), after: nil)
    scene.send()
    scene.world.hearAll()
    _ = scene.world.ask(1)
    scene.change(1, revision: 2)
    scene.send()
    scene.world.hearAll()
    #expect(try scene.world.served(1) == nil)
    #expect(scene.world.isTryLater(scene.world.askInVain(1)))
    // It is signed after all.
    scene.publisher.published(try scene.answer(1, revoked, revision: 2))
    scene.send()
    #expect(try scene.world.status(scene.world.ask(1)) == revoked)
  }

  @Test("what the shared level does not take is sent again, in order and without a gap in the numbers")
  func failures() throws {
    let scene = try Scene()
    scene.publisher.lead(FencingToken(1), after: nil)
    scene.publisher.published(try scene.answer(1))
    scene.send()
    scene.world.hearAll()
    _ = scene.world.ask(1)
    scene.world.shared.fail(with: SharedCacheError("node a: no connection"))
    scene.change(1, revision: 2)
    scene.publisher.published(try scene.answer(1, revoked, revision: 2))
    for _ in 0..<5 { _ = scene.publisher.turn() }
    #expect(scene.publisher.failure == "node a: no connection" && !scene.publisher.isSettled)
    scene.world.shared.fail(with: nil)
    #expect(!scene.publisher.turn(), "not again at once")
    scene.world.clock.advance(seconds: 1)
    scene.send()
    scene.world.hearAll()
    #expect(scene.publisher.isSettled && scene.publisher.failure == nil)
    #expect(try scene.world.served(1) == revoked)
    #expect(scene.world.edges[0].counters.gaps.current == 0)
  }

  @Test("over the bound nothing grows, and the issuer is known to be incomplete")
  func overflow() throws {
    let scene = try Scene(queueLimit: 10)
    for number in 1...11 { scene.publisher.published(try scene.answer(number)) }
    #expect(scene.publisher.takeIncomplete() == [IssuerIndex(0)])
    #expect(scene.publisher.takeIncomplete().isEmpty)
    // The newest answer of one that waits takes its place.
    scene.world.clock.advance(seconds: 5)
    scene.publisher.published(try scene.answer(3, revoked, revision: 2))
    #expect(scene.publisher.takeIncomplete().isEmpty)
    scene.publisher.lead(FencingToken(1), after: nil)
    scene.send()
    #expect(try scene.world.status(scene.world.ask(3)) == revoked)
    #expect(scene.publisher.counters.written.current == 10)
  }

  @Test("an origin that was replaced changes nothing any more, and the new one goes on with its numbers")
  func takeOver() throws {
    let scene = try Scene()
    scene.publisher.lead(FencingToken(1), after: nil)
    scene.publisher.published(try scene.answer(1))
    scene.send()
    scene.world.hearAll()
    let newest = Mutex<UpdateEntry?>(nil)
    scene.world.shared.newestAnnouncement { result in
      if case .success(let octets?) = result { newest.withLock { $0 = UpdateEntry(octets, hasher: FakeHasher()) } }
    }
    let directory = scene.directory
    let successor = AnswerPublisher(
      shared: scene.world.shared, directory: { directory }, limits: .init(), clock: scene.world.clock,
      hasher: FakeHasher())
    successor.lead(FencingToken(2), after: newest.withLock { $0 })
    scene.world.clock.advance(seconds: 5)
    successor.published(try scene.answer(1, revoked, revision: 2))
    while successor.turn() {}
    // The first one was paused, and has not noticed.
    scene.world.clock.advance(seconds: 5)
    scene.publisher.published(try scene.answer(1, .good, revision: 1))
    scene.send()
    #expect(scene.publisher.counters.fenced.current == 1)
    scene.world.hearAll()
    #expect(scene.world.edges[0].counters.gaps.current == 0)
    #expect(try scene.world.status(scene.world.ask(1)) == revoked)
  }

  /// A directory that a reload replaces while somebody has the one before in his hands.
  private final class Reload: Sendable {
    private let directory: Mutex<IssuerDirectory>
    let next = Mutex<(directory: IssuerDirectory, work: @Sendable () -> Void)?>(nil)

    init(_ directory: IssuerDirectory) { self.directory = Mutex(directory) }

    func read() -> IssuerDirectory {
      let now = directory.withLock { $0 }
      if let (new, work) = next.withLock({ $0.take() }) {
        directory.withLock { $0 = new }
        work()
      }
      return now
    }
  }

  @Test("an answer whose signer a reload has just brought goes out with that signer's certificates")
  func reload() throws {
    let world = try FleetWorld()
    let session = try MemoryStore().openSession()
    func directory(_ credential: UInt8, after previous: IssuerDirectory?) throws -> IssuerDirectory {
      try IssuerDirectory.make(
        [Sample.settings("one", keys: [], credential: Sample.credential(credential))], session: session,
        now: Sample.start, after: previous)
    }
    let old = try directory(5, after: nil)
    let new = try directory(6, after: old)
    let issuer = new.issuers.issuers[0]
    let key = world.key(1)
    let times = try #require(AnswerBuilder.times(issuer: issuer, now: world.clock.now(), jitter: 0))
    let tbs = AnswerBuilder.tbsResponseData(
      AnswerBuilder.Statement(status: .good), certID: try #require(issuer.encodedCertID(key.serial, .sha1)),
      times: times, issuer: issuer, credential: issuer.credential)
    let answer = AnswerBuilder.answer(
      AnswerBuilder.Plan(
        key: key, revision: Revision(1), times: times, isForUnissued: false, credential: issuer.credentialIndex),
      tbsResponseData: tbs, signature: [9], entry: new.credential(of: issuer), hasher: FakeHasher())
    let reload = Reload(old)
    let publisher = AnswerPublisher(
      shared: world.shared, directory: { reload.read() }, limits: .init(), clock: world.clock, hasher: FakeHasher())
    publisher.lead(FencingToken(1), after: nil)
    reload.next.withLock { $0 = (new, { publisher.published(answer) }) }
    while publisher.turn() {}
    #expect(publisher.isSettled)
    #expect(try world.status(world.ask(1)) == .good)
  }

  @Test("what was answered takes no memory, though nobody has asked what is overdue for days")
  func answeredChanges() {
    var changes = AwaitedChanges(limit: 100)
    let key = { ResponseKey(issuer: IssuerIndex(0), hashAlgorithm: .sha1, serial: Sample.serial($0)) }
    _ = changes.add(key(0), Revision(1), isRevocation: true, now: 0)
    for number in 1...10_000 {
      _ = changes.add(key(number), Revision(2), isRevocation: false, now: 1)
      _ = changes.takes(key(number), Revision(2))
    }
    #expect(changes.count == 1 && changes.entryCount < 3000)
    let overdue = [changes.popOverdue(5)?.key, changes.popOverdue(5)?.key]
    #expect(overdue == [key(0), nil])
  }

  private func next(_ news: inout PublisherNews, token: UInt64) throws -> UpdateEntry {
    let entry = news.next(FencingToken(token))
    return try #require(entry)
  }

  @Test("news of which nobody knows whether they have arrived go out again just as they were")
  func again() throws {
    let world = try FleetWorld()
    var news = PublisherNews(limit: 100)
    let changes = (1...2).map { UpdateEntry.Change(key: world.sharedKey($0), revision: Revision(5), frame: []) }
    news.begin(at: 7)
    news.add(changes[0])
    let first = try next(&news, token: 1)
    _ = news.ended(first, hasArrived: false)
    // Who has heard the first one takes no notice of the same number again, nor of what is new in it.
    news.add(changes[1])
    let second = try next(&news, token: 1)
    #expect(second == first && news.count == 2)
    _ = news.ended(second, hasArrived: true)
    let third = try next(&news, token: 1)
    #expect(third.number == 8 && third.news == .changed([changes[1]]))
    // With another token everything counts that is not known to have arrived.
    _ = news.ended(third, hasArrived: false)
    news.begin(at: 20)
    let fourth = try next(&news, token: 2)
    #expect(fourth.number == 20 && fourth.news == third.news && news.count == 1)
  }
}
