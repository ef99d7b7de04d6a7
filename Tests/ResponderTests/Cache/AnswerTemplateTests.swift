import CalendarTime
import OCSP
import TestSupport
import Testing

@testable import Responder

/// Answers of every kind, signed by chance, through the cache and out again.
@Suite("Answers in few octets")
struct AnswerTemplateTests {
  /// An issuer's answers: what they say, what their signatures look like.
  private struct Kind: Sendable {
    var name: String
    var serialCount = 16
    var hashAlgorithm = HashAlgorithm.sha1
    var signature = SignatureShape.ecdsa(32)
    var policy = IssuerPolicy()
    var notAfter = Sample.start.advanced(bySeconds: 365 * 86_400)
    var statement = AnswerBuilder.Statement(status: .good)
    /// Octets of a record in the ring; nil for answers that are kept whole.
    var recordCount: Int?
  }

  private enum SignatureShape {
    case ecdsa(Int)
    case octets(Int)

    func random(_ random: inout SeededGenerator) -> [UInt8] {
      switch self {
      case .octets(let count): return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      case .ecdsa(let size):
        let integers = (0..<2).map { _ in SignatureShape.integer(size, &random) }.reduce([], +)
        return [0x30] + (integers.count < 128 ? [] : [0x81]) + [UInt8(integers.count)] + integers
      }
    }

    /// Now and then with octets of zero in front, as one in 256 has.
    private static func integer(_ size: Int, _ random: inout SeededGenerator) -> [UInt8] {
      let zeros = Int.random(in: 0..<8, using: &random) == 0 ? Int.random(in: 1...3, using: &random) : 0
      var octets = (0..<(size - zeros)).map { _ in UInt8.random(in: 0...255, using: &random) }
      octets[0] = max(1, size == 66 ? octets[0] & 1 : octets[0])
      if octets[0] >= 0x80 { octets.insert(0, at: 0) }
      return [0x02, UInt8(octets.count)] + octets
    }
  }

  private static func revoked(_ reason: RevocationReason?, _ seconds: Int64 = -60) -> AnswerBuilder.Statement {
    AnswerBuilder.Statement(
      status: .revoked(Revocation(time: Sample.start.advanced(bySeconds: seconds), reason: reason)))
  }

  private static let kinds: [Kind] = {
    var kinds = HashAlgorithm.allCases.map { Kind(name: "\($0)", hashAlgorithm: $0, recordCount: 128) }
    kinds += [1, 8, 19, 20, 21, 32].map { count in
      Kind(name: "serials of \(count)", serialCount: count, recordCount: max(112, (112 + count + 3) & ~3))
    }
    kinds += ([nil] + RevocationReason.allCases.map { $0 }).map { reason in
      Kind(name: "revoked for \(String(describing: reason))", statement: revoked(reason), recordCount: 132)
    }
    kinds.append(Kind(name: "revoked in 1949", statement: revoked(nil, -2_420_000_000)))
    kinds.append(Kind(name: "unknown", statement: AnswerBuilder.Statement(status: .unknown), recordCount: 128))
    for (size, count) in [(28, 120), (48, 160), (66, 196)] {
      kinds.append(Kind(name: "curve of \(size)", signature: .ecdsa(size), recordCount: count))
    }
    kinds.append(Kind(name: "signature of 1024", signature: .octets(1024)))
    for count in [64, 256, 384, 512] {
      kinds.append(Kind(name: "signature of \(count)", signature: .octets(count), recordCount: 64 + count))
    }
    kinds.append(
      Kind(name: "the signer ends first", notAfter: Sample.start.advanced(bySeconds: 7200), recordCount: 128))
    var policy = IssuerPolicy()
    policy.archiveCutoff = .issuerNotBefore
    kinds.append(Kind(name: "an archive that begins with the CA", policy: policy, recordCount: 128))
    policy.archiveCutoff = .retention(seconds: 7 * 365 * 86_400)
    kinds.append(Kind(name: "an archive that moves", policy: policy, recordCount: 128))
    policy = IssuerPolicy()
    policy.isForever = true
    kinds.append(Kind(name: "without end", policy: policy, recordCount: 128))
    let extended = AnswerBuilder.Statement(
      status: .revoked(Revocation(time: UnixTime(seconds: 0), reason: .certificateHold)), isForUnissued: true,
      isExtendedRevoke: true)
    kinds.append(Kind(name: "revoked though never issued", statement: extended, recordCount: 132))
    return kinds
  }()

  private struct Maker {
    let kind: Kind
    let issuer: Issuer
    private let entry: CredentialTable.Entry
    private var random: SeededGenerator

    init(_ kind: Kind, seed: UInt64 = 1) {
      self.kind = kind
      issuer = Sample.issuer(policy: kind.policy, notAfter: kind.notAfter)
      var table = CredentialTable()
      let index = table.insert(issuer.credential, storeID: StoreCredentialID(1))
      entry = table[index]
      random = SeededGenerator(seed: seed)
    }

    mutating func serial() throws -> SerialNumber {
      let octets = (0..<kind.serialCount).map { _ in UInt8.random(in: 0...255, using: &random) }
      return try #require(SerialNumber(content: octets))
    }

    mutating func answer(_ serial: SerialNumber, at time: UnixTime, revision: UInt64 = 1) throws -> Answer {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: kind.hashAlgorithm, serial: serial)
      let times = try #require(
        AnswerBuilder.times(
          issuer: issuer, now: time, jitter: Double.random(in: 0...1, using: &random),
          isForUnissued: kind.statement.isForUnissued))
      let certID = try #require(issuer.encodedCertID(serial, kind.hashAlgorithm))
      let data = AnswerBuilder.tbsResponseData(
        kind.statement, certID: certID, times: times, issuer: issuer, credential: issuer.credential)
      let plan = AnswerBuilder.Plan(
        key: key, revision: Revision(revision), times: times, isForUnissued: kind.statement.isForUnissued,
        credential: issuer.credentialIndex)
      return AnswerBuilder.answer(
        plan, tbsResponseData: data, signature: kind.signature.random(&random), entry: entry, hasher: FakeHasher())
    }
  }

  private func expectHeld(_ cache: AnswerCache, _ answer: Answer, at time: UnixTime) {
    var octets = [UInt8](repeating: 0, count: 4096)
    var span = octets.mutableSpan
    let head = cache.copy(answer.key, now: time, into: &span)
    #expect(head?.times == answer.times)
    #expect(head?.digest == answer.digest && head?.credential == answer.credential)
    #expect(Array(octets[..<(head?.prefixCount ?? 0)]) == answer.prefix)
    let held = cache.peek(answer.key)
    #expect(held?.revision == answer.revision && held?.times == answer.times)
    var wanted = answer
    wanted.isForUnissued = false
    #expect(cache.answer(answer.key, now: time) == wanted)
  }

  @Test("a thread that remembers its templates keeps the same answers in as few octets")
  func recentTemplates() throws {
    let cache = AnswerCache(budgetBytes: 16 << 20, seed: 42)
    let other = AnswerCache(budgetBytes: 16 << 20, seed: 42)
    var recent: RecentTemplates? = cache.recentTemplates()
    // More kinds than are remembered, in turns.
    var makers = AnswerTemplateTests.kinds.prefix(20).enumerated().map { Maker($1, seed: UInt64($0)) }
    for round in 0..<40 {
      for index in makers.indices {
        let answer = try makers[index].answer(makers[index].serial(), at: Sample.start)
        #expect(cache.publish(answer, asOf: Revision(1), now: Sample.start, recent: recent) == .stored)
        #expect(other.publish(answer, asOf: Revision(1), now: Sample.start) == .stored)
        if round % 8 == 7 { expectHeld(cache, answer, at: Sample.start) }
      }
    }
    #expect(cache.statistics().liveBytes == other.statistics().liveBytes)
    #expect(cache.templateCount == other.templateCount)
    // Once nothing is kept by them and nobody remembers them, templates have no uses left.
    cache.dropAll()
    #expect(cache.templates.uses > 0)
    recent = nil
    #expect(cache.templates.uses == 0)
  }

  @Test("every octet comes back as it was signed, whatever the kind of answer", arguments: kinds.indices)
  func everyKind(_ number: Int) throws {
    var maker = Maker(AnswerTemplateTests.kinds[number])
    let cache = AnswerCache(budgetBytes: 16 << 20, seed: 42)
    var answers: [ResponseKey: Answer] = [:]
    var end = Sample.start
    for count in 0..<400 {
      // Some in the same second, as in bulk, and some in another.
      end = Sample.start.advanced(bySeconds: Int64(count / 50))
      let answer = try maker.answer(maker.serial(), at: end)
      guard answers[answer.key] == nil else { continue }
      #expect(cache.publish(answer, asOf: Revision(1), now: end) == .stored)
      answers[answer.key] = answer
    }
    for answer in answers.values { expectHeld(cache, answer, at: end) }
    guard let size = maker.kind.recordCount else { return }
    // The first of each length of signature is kept whole.
    #expect(cache.statistics().liveBytes <= answers.count * size + 16 * 1024 * 2, "\(maker.kind.name)")
    #expect(cache.templateCount >= 1)
  }

  @Test("an answer in which one octet is another one comes back with just that octet")
  func mutations() throws {
    var random = SeededGenerator(seed: 3)
    var maker = Maker(Kind(name: "mutated", statement: AnswerTemplateTests.revoked(.superseded)))
    let cache = AnswerCache(budgetBytes: 16 << 20, seed: 42)
    for _ in 0..<100 {
      _ = cache.publish(try maker.answer(maker.serial(), at: Sample.start), asOf: Revision(1), now: Sample.start)
    }
    let length = try maker.answer(maker.serial(), at: Sample.start).prefix.count
    for place in 0..<length {
      for _ in 0..<4 {
        var answer = try maker.answer(maker.serial(), at: Sample.start)
        guard place < answer.prefix.count else { continue }
        answer.prefix[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        #expect(cache.publish(answer, asOf: Revision(1), now: Sample.start) == .stored)
        expectHeld(cache, answer, at: Sample.start)
      }
    }
  }

  @Test("an answer that is cut off anywhere, or is not DER at all, is kept as it is")
  func shapeless() throws {
    var maker = Maker(Kind(name: "cut"))
    let cache = AnswerCache(budgetBytes: 16 << 20, seed: 42)
    let whole = try maker.answer(maker.serial(), at: Sample.start)
    for count in 0..<whole.prefix.count {
      // Twice, so that it would be worth a template.
      for _ in 0..<2 {
        var answer = try maker.answer(maker.serial(), at: Sample.start)
        answer.prefix.removeLast(min(answer.prefix.count, whole.prefix.count - count))
        #expect(cache.publish(answer, asOf: Revision(1), now: Sample.start) == .stored)
        expectHeld(cache, answer, at: Sample.start)
      }
    }
  }

  @Test("numbers that do not fit a record are kept whole")
  func largeNumbers() throws {
    var maker = Maker(Kind(name: "large numbers"))
    let cache = AnswerCache(budgetBytes: 16 << 20, seed: 42)
    for revision in [1, UInt64(UInt32.max) + 1, CompactRecord.largestRevision, CompactRecord.largestRevision + 1, .max]
    {
      for _ in 0..<20 {
        var answer = try maker.answer(maker.serial(), at: Sample.start, revision: revision)
        if revision == .max { answer.times.refreshAt = Sample.start.advanced(bySeconds: 1 << 33) }
        #expect(cache.publish(answer, asOf: Revision(.max), now: Sample.start) == .stored)
        expectHeld(cache, answer, at: Sample.start)
      }
    }
  }

  @Test("renewing an answer takes no more memory, and neither does changing what it says")
  func renewals() throws {
    var good = Maker(Kind(name: "good"), seed: 1)
    var bad = Maker(Kind(name: "revoked", statement: AnswerTemplateTests.revoked(.keyCompromise)), seed: 2)
    let cache = AnswerCache(budgetBytes: 1 << 20, seed: 42)
    let serials = try (0..<3000).map { _ in try good.serial() }
    var newest: [Answer] = []
    for round in 1...20 {
      let time = Sample.start.advanced(bySeconds: Int64(round))
      newest = try serials.enumerated().map { place, serial in
        let isRevoked = place % 7 < round % 7
        return try isRevoked
          ? bad.answer(serial, at: time, revision: UInt64(round))
          : good.answer(serial, at: time, revision: UInt64(round))
      }
      for answer in newest { #expect(cache.publish(answer, asOf: Revision(99), now: time) == .stored) }
    }
    for answer in newest { expectHeld(cache, answer, at: Sample.start.advanced(bySeconds: 20)) }
    let statistics = cache.statistics()
    #expect(statistics.evictions == 0 && statistics.entries == 3000)
    #expect(statistics.liveBytes < 3000 * 140)
  }

  @Test("templates that nobody uses make room for others, and those in use stay")
  func manyTemplates() throws {
    // Room for eight templates, and more than eight kinds.
    let cache = AnswerCache(budgetBytes: 128 << 10, seed: 42)
    var last: [Answer] = []
    for round in 0..<40 {
      let notAfter = Sample.start.advanced(bySeconds: 365 * 86_400)
      var maker = Maker(Kind(name: "round", serialCount: 8 + round % 13, notAfter: notAfter), seed: UInt64(round))
      last = try (0..<40).map { _ in try maker.answer(maker.serial(), at: Sample.start) }
      for answer in last { #expect(cache.publish(answer, asOf: Revision(1), now: Sample.start) == .stored) }
      for answer in last { expectHeld(cache, answer, at: Sample.start) }
      cache.dropAll()
    }
    #expect(cache.templateCount <= 8)
  }

  @Test("an answer with a certificate's own hash in it costs no template")
  func uniqueExtensions() throws {
    let cache = AnswerCache(budgetBytes: 4 << 20, seed: 42)
    var random = SeededGenerator(seed: 9)
    for number in 0..<200 {
      let hash = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
      let statement = AnswerBuilder.Statement(
        status: .good,
        singleExtensions: OCSPExtension(identifier: [0x2B, 0x24, 0x08, 0x03, 0x0D], value: hash).encoded())
      var maker = Maker(Kind(name: "hash", statement: statement), seed: UInt64(number))
      let answer = try maker.answer(maker.serial(), at: Sample.start)
      #expect(cache.publish(answer, asOf: Revision(1), now: Sample.start) == .stored)
      expectHeld(cache, answer, at: Sample.start)
    }
    #expect(cache.templateCount == 0)
  }
}
