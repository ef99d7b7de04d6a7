import CalendarTime
import OCSP
import Responder
import SQLiteStore
import TestSupport
import Testing

/// What every status store promises, run on the fake and on SQLite.
@Suite("Status store contract", .serialized)
struct StatusStoreContractTests {
  enum Kind: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite

    var testDescription: String { rawValue }

    func open(_ body: (any StatusStore) throws -> Void) throws {
      switch self {
      case .memory: try body(MemoryStore())
      case .sqlite:
        try TemporaryFolder.use { folder in try body(SQLiteStore(path: folder + "/store.sqlite")) }
      }
    }
  }

  func add(
    _ records: [CertificateRecord], to session: any StatusStoreSession, issuer: StoreIssuerID,
    assertsStatus: Bool = true
  ) throws -> ImportSummary {
    var batches = [records][...]
    return try session.importRecords(
      issuer: issuer, assertsStatus: assertsStatus, source: "a test", at: Sample.start, next: { batches.popFirst() })
  }

  @Test("an issuer keeps its number, and a name cannot stand for two", arguments: Kind.allCases)
  func issuers(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let first = try session.issuer(name: "one", identity: [1])
      #expect(try session.issuer(name: "one", identity: [1]) == first)
      #expect(try session.issuer(name: "two", identity: [2]) != first)
      #expect { try session.issuer(name: "one", identity: [3]) } throws: { ($0 as? StoreError)?.kind == .conflict }
    }
  }

  @Test("what is imported is read, each change with a newer revision", arguments: Kind.allCases)
  func importing(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      #expect(try session.status(issuer: issuer, serial: Sample.serial(1)).record == nil)
      var extended = Sample.record(2, revocation: Sample.revocation())
      extended.singleExtensions = [0x30, 0x00]
      let first = try add([Sample.record(1), extended], to: session, issuer: issuer)
      #expect((first.added, first.changed, first.revoked) == (2, 0, 1))
      let reading = try session.status(issuer: issuer, serial: Sample.serial(2))
      #expect(reading.record == extended)
      #expect(reading.revision == first.revision && reading.asOf == first.revision)
      #expect(try session.latestRevision() == first.revision)
      #expect(try session.counts(issuer: issuer) == (2, 1))
      let second = try add([Sample.record(1), extended, Sample.record(3)], to: session, issuer: issuer)
      #expect((second.added, second.changed, second.unchanged) == (1, 0, 2))
      #expect(try session.status(issuer: issuer, serial: Sample.serial(2)).revision == first.revision)
      #expect(second.revision > first.revision)
    }
  }

  @Test("a failing source leaves nothing behind", arguments: Kind.allCases)
  func atomicImport(kind: Kind) throws {
    struct Broken: Error {}
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      var calls = 0
      #expect(throws: Broken.self) {
        try session.importRecords(issuer: issuer, assertsStatus: true, source: "broken", at: Sample.start) {
          calls += 1
          if calls == 3 { throw Broken() }
          return [Sample.record(calls)]
        }
      }
      #expect(try session.counts(issuer: issuer) == (0, 0))
      #expect(try session.latestRevision() == .zero)
    }
  }

  @Test("changes come in order, in pages, each row once", arguments: Kind.allCases)
  func changes(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let one = try session.issuer(name: "one", identity: [1])
      let two = try session.issuer(name: "two", identity: [2])
      _ = try add((1...25).map { Sample.record($0) }, to: session, issuer: one)
      let middle = try add((1...5).map { Sample.record($0) }, to: session, issuer: two).revision
      _ = try add([Sample.record(3, revocation: Sample.revocation())], to: session, issuer: one)
      var seen: [ChangedCertificate] = []
      var position = ChangePosition(after: .zero)
      while true {
        let page = try session.changes(after: position, limit: 7)
        seen += page
        guard let last = page.last else { break }
        position = ChangePosition(revision: last.revision, issuer: last.issuer, serial: last.record.serial)
      }
      #expect(seen.count == 30)
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.revision <= $1.revision })
      #expect(seen.last?.record.serial == Sample.serial(3) && seen.last?.issuer == one)
      #expect(try session.changes(after: ChangePosition(after: middle), limit: 100).count == 1)
    }
  }

  @Test(
    "a stored response of an older revision is refused, and one of an older row is not given", arguments: Kind.allCases)
  func responses(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let first = try add([Sample.record(1)], to: session, issuer: issuer).revision
      let credential = try session.credential(Sample.credential(1), issuer: issuer)
      func stored(_ revision: Revision, _ fill: UInt8, producedAt: Int64 = 0) -> StoredResponse {
        StoredResponse(
          issuer: issuer, hashAlgorithm: .sha1, serial: Sample.serial(1), revision: revision,
          times: AnswerTimes(
            producedAt: Sample.start.advanced(bySeconds: producedAt),
            nextUpdate: Sample.start.advanced(bySeconds: 1000), refreshAt: Sample.start.advanced(bySeconds: 100)),
          credential: credential, signature: [fill], digestPrefix: UInt64.max)
      }
      func held() throws -> StoredResponse? {
        try session.response(issuer: issuer, hashAlgorithm: .sha1, serial: Sample.serial(1))
      }
      func save(_ response: StoredResponse) throws { try session.save([response], at: Sample.start) }
      try save(stored(first, 1))
      #expect(try held() == stored(first, 1))
      let revoked = try session.revoke(
        issuer: issuer, serial: Sample.serial(1), revocation: Sample.revocation(), isReasonGiven: true,
        isTimeGiven: false, at: Sample.start)
      guard case .revoked(let second) = revoked else { return }
      #expect(try held() == nil, "the answer before the revocation must not come back")
      try save(stored(second, 2))
      try save(stored(first, 3))
      #expect(try held()?.signature == [2])
      try save(stored(second, 4, producedAt: -1))
      #expect(try held()?.signature == [2], "an older one of the same revision")
      try save(stored(second, 5, producedAt: 86_400))
      try save(stored(second, 6))
      #expect(try held()?.signature == [6], "one from a clock that was ahead gives way")
      let page = try session.certificates(issuer: issuer, hashAlgorithm: .sha1, after: nil, limit: 10)
      #expect(page.map(\.response?.signature) == [[6]] && page[0].response?.credential == credential)
      try session.removeResponses(issuer: issuer, serials: [Sample.serial(1)])
      #expect(try held() == nil)
    }
  }

  @Test("a scan of ranges gives what a scan of everything gives, each with its signature", arguments: Kind.allCases)
  func storedRows(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let other = try session.issuer(name: "two", identity: [2])
      let credential = try session.credential(Sample.credential(1), issuer: issuer)
      // Serials of several lengths, one the beginning of another.
      let serials = try [
        [1], [1, 0], [1, 0, 0], [0x7F, 0xFF], [2, 5], [0, 0x80], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      ].map {
        try #require(SerialNumber(content: $0))
      }
      let records = serials.enumerated().map { place, serial in
        CertificateRecord(
          serial: serial, notAfter: Sample.start, revocation: place % 3 == 0 ? Sample.revocation() : nil)
      }
      let revision = try add(records, to: session, issuer: issuer).revision
      _ = try add([Sample.record(9)], to: session, issuer: other)
      try session.save(
        serials.enumerated().filter { $0.offset != 2 }.map { place, serial in
          StoredResponse(
            issuer: issuer, hashAlgorithm: place == 4 ? .sha256 : .sha1, serial: serial,
            // One of an older revision than its certificate.
            revision: place == 5 ? Revision(revision.value - 1) : revision,
            times: AnswerTimes(
              producedAt: Sample.start, nextUpdate: Sample.start.advanced(bySeconds: 9), refreshAt: Sample.start),
            credential: credential, signature: [UInt8(place), 7], digestPrefix: UInt64(place) << 60)
        }, at: Sample.start)
      let whole = try session.certificates(issuer: issuer, hashAlgorithm: .sha1, after: nil, limit: 100)
      let ranges = [
        SerialRange.all, SerialRange(after: [1], through: [1, 0, 0]), SerialRange(after: [1, 0, 0, 0, 0, 0, 0, 0]),
        SerialRange(after: [], through: [1, 2]), SerialRange(after: [9]), SerialRange(after: [2], through: [1]),
      ]
      for range in ranges {
        for limit in [1, 2, 100] {
          var found: [ScannedCertificate] = []
          var rest = range
          while true {
            let page = try session.readStored(issuer: issuer, hashAlgorithm: .sha1, in: rest, limit: limit) {
              row, octets in
              let response = row.response.map {
                StoredResponse(
                  issuer: issuer, hashAlgorithm: .sha1, serial: row.record.serial, revision: row.revision,
                  times: $0.times, credential: $0.credential, signature: octets.indices.map { octets[$0] },
                  digestPrefix: $0.digestPrefix)
              }
              #expect(response != nil || octets.isEmpty)
              found.append(ScannedCertificate(record: row.record, revision: row.revision, response: response))
            }
            #expect(page.asOf == (try session.latestRevision()))
            guard !page.isLast, let last = page.last else { break }
            rest.after = last.octets
          }
          #expect(found == whole.filter { range.contains($0.record.serial) }, "\(range), \(limit) at a time")
        }
      }
      #expect(whole.count == 7 && whole.filter { $0.response != nil }.count == 4)
    }
  }

  @Test(
    "what is due comes with its certificate's record, by plan or by end, issuer by issuer", arguments: Kind.allCases)
  func renewals(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let other = try session.issuer(name: "two", identity: [2])
      let credential = try session.credential(Sample.credential(1), issuer: issuer)
      let revision = try add((1...4).map { Sample.record($0) }, to: session, issuer: issuer).revision
      func after(_ seconds: Int64) -> UnixTime { Sample.start.advanced(bySeconds: seconds) }
      func stored(_ number: Int, _ issuer: StoreIssuerID, refresh: Int64, end: Int64) -> StoredResponse {
        StoredResponse(
          issuer: issuer, hashAlgorithm: .sha256, serial: Sample.serial(number), revision: revision,
          times: AnswerTimes(producedAt: Sample.start, nextUpdate: after(end), refreshAt: after(refresh)),
          credential: credential, signature: [1], digestPrefix: 0)
      }
      try session.save(
        [
          stored(1, issuer, refresh: 10, end: 900), stored(2, issuer, refresh: 20, end: 700),
          stored(3, issuer, refresh: 30, end: 800), stored(4, issuer, refresh: 500, end: 1000),
          stored(5, other, refresh: 5, end: 100),
        ], at: Sample.start)
      func due(_ order: RenewalOrder, _ limit: Int = 10) throws -> [SerialNumber] {
        try session.responsesDue(issuer: issuer, at: after(100), order: order, limit: limit).map(\.serial)
      }
      #expect(try due(.plan) == [1, 2, 3].map { Sample.serial($0) })
      #expect(try due(.end) == [2, 3, 1].map { Sample.serial($0) })
      #expect(try due(.plan, 1) == [Sample.serial(1)] && due(.end, 1) == [Sample.serial(2)])
      #expect(try session.responsesDue(issuer: issuer, at: after(9), order: .plan, limit: 10).isEmpty)
      let first = try #require(
        try session.responsesDue(issuer: issuer, at: after(100), order: .plan, limit: 1).first)
      #expect(first.reading == (try session.status(issuer: issuer, serial: Sample.serial(1))))
      #expect(first.nextUpdate == after(900) && first.hashAlgorithm == .sha256)
      #expect(try session.renewals(issuer: issuer, until: after(20)) == 2)
      #expect(try session.firstRenewal(issuer: issuer) == after(10))
      #expect(try session.firstRenewal(issuer: session.issuer(name: "three", identity: [3])) == nil)
      #expect(try session.endings(issuer: issuer, after: after(0), until: after(800)) == 2)
      #expect(try session.endings(issuer: issuer, after: after(700), until: after(800)) == 1)
      #expect(try session.firstEnd(issuer: issuer, after: after(700)) == after(800))
      #expect(try session.firstEnd(issuer: issuer, after: after(1000)) == nil)
      let unrecorded = try session.responsesDue(issuer: other, at: after(5), order: .end, limit: 10)
      #expect(unrecorded.map(\.reading.record) == [nil])
    }
  }

  @Test("a credential is kept once, and given as it was until its certificate has ended", arguments: Kind.allCases)
  func credentials(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      let other = try session.issuer(name: "two", identity: [2])
      var bare = Sample.credential(2)
      bare.certificates = []
      bare.responderID = .byName([0x30, 0x00])
      let ids = try [Sample.credential(1), bare, Sample.credential(3)].map {
        try session.credential($0, issuer: issuer)
      }
      #expect(Set(ids).count == 3)
      #expect(try session.credential(bare, issuer: issuer) == ids[1])
      #expect(try session.credential(bare, issuer: other) != ids[1])
      let found = try session.credentials(issuer: issuer, endingAfter: Sample.start)
      #expect(Set(found.map(\.credential)) == [Sample.credential(1), bare, Sample.credential(3)])
      #expect(Set(found.map(\.id)) == Set(ids))
      #expect(try session.credentials(issuer: issuer, endingAfter: Sample.credential(1).notAfter).isEmpty)
    }
  }

  @Test("a credential whose dates alone are other ones keeps its number, and takes them", arguments: Kind.allCases)
  func renewedCredential(kind: Kind) throws {
    try kind.open { store in
      let session = try store.openSession()
      let issuer = try session.issuer(name: "one", identity: [1])
      func valid(_ notBefore: Int64, _ notAfter: Int64, _ number: UInt8 = 1) -> SigningCredential {
        Sample.credential(
          number, notBefore: Sample.start.advanced(bySeconds: notBefore),
          notAfter: Sample.start.advanced(bySeconds: notAfter))
      }
      let id = try session.credential(valid(0, 100), issuer: issuer)
      let other = try session.credential(valid(0, 100, 2), issuer: issuer)
      #expect(id != other)
      // What is kept after each: the earliest beginning, and the newest end.
      for (given, kept) in [
        (valid(50, 200), valid(0, 200)), (valid(50, 200), valid(0, 200)), (valid(-10, 200), valid(-10, 200)),
        (valid(60, 150), valid(-10, 150)),
      ] {
        #expect(try session.credential(given, issuer: issuer) == id)
        let found = try store.openSession().credentials(issuer: issuer, endingAfter: Sample.start)
        #expect(found.first { $0.id == id }?.credential == kept)
        #expect(found.first { $0.id == other }?.credential == valid(0, 100, 2) && found.count == 2)
      }
    }
  }
}
