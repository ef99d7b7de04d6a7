public import CalendarTime
public import OCSP
import Responder
public import ResponderRuntime
import TestSupport

/// A certificate as the simulation knows it.
public struct SimulatedCertificate {
  public var serial: SerialNumber
  public var issuer: Int
  public var notAfter: UnixTime
  /// When it was issued or last changed.
  public var changedAt: UnixTime
  public var revocation: Revocation?
  /// Whether an answer has been in memory since then.
  var wasAnswered = false
}

/// Looks at what would be served, and compares it with what must hold.
public struct Auditor {
  /// Certificates of an issuer without a valid answer in memory, over a time.
  public struct Damage: Sendable {
    public var issuer: String
    public var from: UnixTime
    public var until: UnixTime
    /// Since when the responder had been warning of it when it began; nil where it had not.
    public var warnedSince: UnixTime?
  }

  /// The rules require an answer for a new certificate within that many seconds (TLS BR 4.9.9).
  private static let firstAnswerWithin: Int64 = 900

  public var certificates: [SimulatedCertificate] = []
  /// How long the slower token takes at present.
  public var secondsPerSignature: Int64 = 0
  public private(set) var violations: [String] = []
  public private(set) var damages: [Damage] = []
  public private(set) var checks = 0
  private var warnedSince: [Int: UnixTime] = [:]
  private var random: SeededGenerator
  private var buffer = [UInt8](repeating: 0, count: 4096)

  public init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
  }

  /// Notes for which issuers the responder warns at present.
  public mutating func listen(to runtime: ResponderRuntime, now: UnixTime) {
    let troubles = runtime.signingTroubles
    let directory = runtime.directory
    for issuer in directory.issuers.issuers {
      let number = Int(issuer.index.value)
      let names = directory.placesOfIssuers[number].map { directory.places[$0].name } + ["'\(issuer.name)'"]
      if troubles.contains(where: { trouble in names.contains { trouble.contains($0) } }) {
        warnedSince[number] = warnedSince[number] ?? now
      } else {
        warnedSince[number] = nil
      }
    }
  }

  /// Checks some certificates, chosen at random, in every detail.
  public mutating func check(some count: Int, of runtime: ResponderRuntime, now: UnixTime) {
    guard !certificates.isEmpty else { return }
    for _ in 0..<count { check(Int.random(in: 0..<certificates.count, using: &random), runtime, now, isRead: true) }
  }

  /// Checks of every certificate whether there is an answer, and whether its times are right.
  public mutating func checkAll(of runtime: ResponderRuntime, now: UnixTime) {
    for place in certificates.indices { check(place, runtime, now, isRead: false) }
  }

  /// - Parameter isRead: whether the octets of the answer are read.
  private mutating func check(_ place: Int, _ runtime: ResponderRuntime, _ now: UnixTime, isRead: Bool) {
    let certificate = certificates[place]
    guard certificate.notAfter > now else { return }
    checks += 1
    let key = ResponseKey(
      issuer: IssuerIndex(UInt16(certificate.issuer)), hashAlgorithm: .sha1, serial: certificate.serial)
    var span = buffer.mutableSpan
    guard let head = runtime.cache.copy(key, now: now, into: &span) else {
      noteAbsence(of: certificate, runtime, now)
      return
    }
    certificates[place].wasAnswered = true
    let entry = runtime.directory.credentials[head.credential]
    demand(head.times.isValid(at: now), "served outside its validity", certificate, now)
    demand(head.times.nextUpdate <= entry.credential.notAfter, "outlives its signer's certificate", certificate, now)
    guard isRead else { return }
    examine(Array(buffer[..<head.prefixCount]) + entry.suffix, certificate, entry.credential, now)
  }

  private mutating func demand(
    _ isSo: Bool, _ what: @autoclosure () -> String, _ certificate: SimulatedCertificate, _ now: UnixTime
  ) {
    if !isSo { violations.append("\(now.iso8601): \(certificate.serial): \(what())") }
  }

  /// An answer that would be served now.
  private mutating func examine(
    _ octets: [UInt8], _ certificate: SimulatedCertificate, _ credential: SigningCredential, _ now: UnixTime
  ) {
    guard let basic = try? ReceivedResponse(octets).basic, let single = basic.responses.first else {
      violations.append("\(now.iso8601): \(certificate.serial): no response of ours")
      return
    }
    let nextUpdate = single.nextUpdate ?? .endOfTime
    demand(single.thisUpdate <= now && now < nextUpdate, "served outside its validity", certificate, now)
    demand(nextUpdate <= credential.notAfter, "outlives its signer's certificate", certificate, now)
    demand(credential.isValid(at: basic.producedAt), "signed outside its signer's validity", certificate, now)
    demand(basic.certificates == credential.certificates, "another signer's certificate", certificate, now)
    let expected: CertificateStatus = certificate.revocation.map { .revoked($0) } ?? .good
    demand(single.status == expected, "says \(single.status), and is \(expected)", certificate, now)
  }

  private mutating func noteAbsence(
    of certificate: SimulatedCertificate, _ runtime: ResponderRuntime, _ now: UnixTime
  ) {
    guard runtime.isStartupFinished else { return }
    let warned = warnedSince[certificate.issuer]
    // Changed, and not signed since: nothing is said rather than what is no longer true. It must not last unnoticed.
    if !certificate.wasAnswered {
      let limit = Auditor.firstAnswerWithin + SimulatedResponder.step + 3 * secondsPerSignature
      if now.seconds(since: certificate.changedAt) > limit, warned == nil {
        violations.append("\(now.iso8601): \(certificate.serial): no answer since its change, and no warning")
      }
      return
    }
    let name = runtime.directory.issuers.issuers[certificate.issuer].name
    if let last = damages.lastIndex(where: { $0.issuer == name }),
      now.seconds(since: damages[last].until) <= 4 * SimulatedResponder.step
    {
      damages[last].until = now
    } else {
      damages.append(Damage(issuer: name, from: now, until: now, warnedSince: warned))
    }
  }
}
