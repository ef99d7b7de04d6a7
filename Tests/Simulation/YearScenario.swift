import CalendarTime
import OCSP
public import Responder
import ResponderRuntime
import TestSupport

/// A year of a responder: certificates issued and revoked every day, tokens that are taken out, slow or faulty, signers that
/// are replaced in time, late and too late, restarts in the middle of it.
///
/// Two issuers share a token; one of them has its key in a second token too.
public final class YearScenario {
  public struct Report {
    public var violations: [String]
    public var damages: [Auditor.Damage]
    /// The names of the episodes that have done damage, and were meant to.
    public var damagingEpisodes: Set<String>
    public var checks: Int
    public var signatures: Int
    /// The shortest time between a warning and the damage it warned of, in seconds; nil without damage.
    public var shortestLead: Int64?
    public var warnings: [String]
  }

  /// Something that goes wrong for a while.
  struct Episode {
    var name: String
    var from: Int64
    var until: Int64
    /// The issuers for which it is more than the responder can bear.
    var isTooMuchFor: Set<String>
  }

  static let day: Int64 = 86_400
  private static let certificateDays: Int64 = 90
  /// What must lie between a warning and the damage, in seconds.
  private static let shortestLead: Int64 = 3600
  private static let recoverySeconds: Int64 = 12 * 3600

  let clock: SimulatedClock
  let (shared, second): (SimulatedToken, SimulatedToken)
  private let count: Int
  private let days: Int64
  private let start: UnixTime
  private let responder: SimulatedResponder
  private var auditor: Auditor
  private var random: SeededGenerator
  private var keys: [SimulatedKey] = []
  private var signerNumber: UInt8 = 1
  private var settings: [IssuerSettings] = []
  private var nextSerial = 1
  private var nextFullCheck: UnixTime
  private var events: ArraySlice<Event> = []
  private var failure: (any Error)?
  var episodes: [Episode] = []
  private let onDay: (Int64, Int) -> Void

  /// - Parameters:
  ///   - certificates: how many there are at any time.
  ///   - onDay: called every day with its number and the signatures made so far.
  public init(
    certificates: Int, days: Int64 = 365, seed: UInt64, store: any StatusStore,
    onDay: @escaping (Int64, Int) -> Void = { _, _ in }
  ) throws {
    count = certificates
    self.days = days
    self.onDay = onDay
    start = Sample.start
    clock = SimulatedClock(start)
    nextFullCheck = start
    shared = SimulatedToken("token 'shared'", clock: clock, milliseconds: 50)
    second = SimulatedToken("token 'second'", clock: clock, milliseconds: 50)
    random = SeededGenerator(seed: seed)
    auditor = Auditor(seed: seed ^ 1)
    let settings = YearScenario.settings(
      signer: 1, start: start, until: 65 * YearScenario.day, shared, second, clock, &keys)
    responder = try SimulatedResponder(
      settings, store: store, clock: clock, cacheBytes: 8 << 20 + certificates * 1024, seed: seed)
    self.settings = settings
    let responder = responder
    // The scenario is used by one thread; the token cannot know.
    nonisolated(unsafe) let witness = responder
    for token in [shared, second] { token.whileSigning { unsafe witness.timePasses() } }
  }

  private static func settings(
    signer: UInt8, start: UnixTime, until end: Int64, _ shared: SimulatedToken, _ second: SimulatedToken,
    _ clock: SimulatedClock, _ keys: inout [SimulatedKey]
  ) -> [IssuerSettings] {
    let credential = Sample.credential(
      signer, notBefore: clock.now().advanced(bySeconds: -3600), notAfter: start.advanced(bySeconds: end))
    let made = [shared, second].map { SimulatedKey($0, credential, clock: clock) }
    keys += made
    return [
      Sample.settings("web", keys: [made[0]], credential: credential),
      Sample.settings("people", keys: made, credential: credential),
    ]
  }

  // MARK: - Running

  public func run() throws -> Report {
    for (share, issuer) in [(7, 0), (3, 1)] {
      try issue(count * share / 10, by: issuer, lastingUpTo: YearScenario.certificateDays)
    }
    let plan = YearScenario.plan(days: days, webCertificates: count * 7 / 10)
    episodes = plan.episodes
    events = plan.events.sorted { $0.second < $1.second }[...]
    for day in 0..<days {
      let end = (day + 1) * YearScenario.day
      while let event = events.first, event.second < end {
        try goOn(to: event.second)
        try performDue(maySign: false)
      }
      try goOn(to: end)
      try dailyBusiness()
      onDay(day + 1, shared.signatures + second.signatures)
    }
    return report()
  }

  private func goOn(to second: Int64) throws {
    try responder.run(until: start.advanced(bySeconds: second)) { [self] in audit() }
    if let failure { throw failure }
  }

  /// - Parameter maySign: whether a signature may be under way: then the process does not end.
  private func performDue(maySign: Bool) throws {
    let second = clock.now().seconds(since: start)
    while let event = events.first, event.second <= second, !(maySign && event.isRestart) {
      events.removeFirst()
      try event.perform(self)
    }
  }

  private func audit() {
    do {
      try performDue(maySign: true)
    } catch {
      failure = failure ?? error
    }
    let now = clock.now()
    auditor.listen(to: responder.runtime, now: now)
    auditor.secondsPerSignature = shared.secondsPerSignature
    auditor.check(some: 8, of: responder.runtime, now: now)
    guard now >= nextFullCheck else { return }
    auditor.checkAll(of: responder.runtime, now: now)
    nextFullCheck = now.advanced(bySeconds: 12 * 3600)
  }

  /// As many certificates are issued as end, and a few are revoked.
  private func dailyBusiness() throws {
    let now = clock.now()
    auditor.certificates.removeAll { $0.notAfter <= now }
    let living = auditor.certificates.count { $0.issuer == 0 }
    try issue(max(0, count * 7 / 10 - living), by: 0, lastingUpTo: nil)
    try issue(max(0, count * 3 / 10 - (auditor.certificates.count - living)), by: 1, lastingUpTo: nil)
    for _ in 0..<max(1, count / 1000) { try revokeOne() }
  }

  /// - Parameter days: their lives end on different days up to that; nil for a whole life from now.
  private func issue(_ number: Int, by issuer: Int, lastingUpTo days: Int64?) throws {
    guard number > 0 else { return }
    let now = clock.now()
    let records = (0..<number).map { _ in
      let left = days.map { Int64.random(in: 3...$0, using: &random) } ?? YearScenario.certificateDays
      let serial = Sample.serial(nextSerial)
      nextSerial += 1
      return CertificateRecord(
        serial: serial, notAfter: now.advanced(bySeconds: left * YearScenario.day), revocation: nil)
    }
    try responder.issue(records, by: storeID(issuer))
    auditor.certificates += records.map { record in
      SimulatedCertificate(
        serial: record.serial, issuer: issuer, notAfter: record.notAfter ?? .endOfTime, changedAt: now)
    }
  }

  func revokeOne() throws {
    guard
      let place = auditor.certificates.indices.filter({ auditor.certificates[$0].revocation == nil })
        .randomElement(using: &random)
    else { return }
    let revocation = Revocation(time: clock.now(), reason: .superseded)
    let certificate = auditor.certificates[place]
    try responder.revoke(certificate.serial, of: storeID(certificate.issuer), revocation)
    auditor.certificates[place].revocation = revocation
    auditor.certificates[place].changedAt = clock.now()
    auditor.certificates[place].wasAnswered = false
  }

  private func storeID(_ issuer: Int) -> StoreIssuerID { responder.runtime.directory.issuers.issuers[issuer].storeID }

  // MARK: - What events do

  /// A new responder certificate takes over, valid until a second of the year.
  func replaceSigner(validUntil end: Int64) throws {
    signerNumber += 1
    settings = YearScenario.settings(
      signer: signerNumber, start: start, until: end, shared, second, clock, &keys)
    try responder.reload(settings)
  }

  func restart(afterSeconds seconds: Int64) throws {
    try responder.restart(settings, afterSeconds: seconds)
  }

  // MARK: - Judgement

  private func report() -> Report {
    var violations = auditor.violations
    let late = keys.reduce(0) { $0 + $1.signaturesOutsideValidity }
    if late > 0 { violations.append("\(late) responses were signed outside the validity of the signer's certificate") }
    var damaging: Set<String> = []
    var leads: [Int64] = []
    for damage in auditor.damages {
      let second = damage.from.seconds(since: start)
      let cause = episodes.first { episode in
        episode.isTooMuchFor.contains(damage.issuer) && episode.from <= second
          && second <= episode.until + YearScenario.recoverySeconds
      }
      guard let cause else {
        violations.append(
          "\(damage.from.iso8601): answers of '\(damage.issuer)' are missing, and nothing is the matter")
        continue
      }
      damaging.insert(cause.name)
      let lead = damage.warnedSince.map { damage.from.seconds(since: $0) } ?? -1
      leads.append(lead)
      if lead < YearScenario.shortestLead {
        violations.append(
          "\(damage.from.iso8601): \(cause.name): answers of '\(damage.issuer)' are missing, warned of \(lead) s before"
        )
      }
    }
    return Report(
      violations: violations, damages: auditor.damages, damagingEpisodes: damaging, checks: auditor.checks,
      signatures: shared.signatures + second.signatures, shortestLead: leads.min(), warnings: responder.log.all)
  }
}
