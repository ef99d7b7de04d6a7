extension YearScenario {
  /// Something that happens at a second of the year.
  struct Event {
    var second: Int64
    var isRestart: Bool
    var perform: (YearScenario) throws -> Void

    init(_ second: Int64, isRestart: Bool = false, _ perform: @escaping (YearScenario) throws -> Void) {
      self.second = second
      self.isRestart = isRestart
      self.perform = perform
    }
  }

  struct Plan {
    var episodes: [Episode] = []
    var events: [Event] = []

    /// Something is wrong between two times.
    mutating func add(
      _ name: String, from: Int64, lasting seconds: Int64, isTooMuchFor: Set<String> = [],
      begin: @escaping (YearScenario) throws -> Void, end: @escaping (YearScenario) throws -> Void
    ) {
      episodes.append(Episode(name: name, from: from, until: from + seconds, isTooMuchFor: isTooMuchFor))
      events.append(Event(from, begin))
      events.append(Event(from + seconds, end))
    }

    mutating func outage(_ name: String, day: Int64, hours: Int64, isTooMuchFor: Set<String> = []) {
      add(name, from: day * YearScenario.day + 5000, lasting: hours * 3600, isTooMuchFor: isTooMuchFor) {
        $0.shared.set(.absent)
      } end: {
        $0.shared.set(.working)
      }
      // What changes meanwhile is answered for afterwards.
      events.append(Event(day * YearScenario.day + 5000 + hours * 1800) { try $0.revokeOne() })
    }

    mutating func slow(_ name: String, day: Int64, days: Int64, milliseconds: Int64, isTooMuchFor: Set<String> = []) {
      add(name, from: day * YearScenario.day, lasting: days * YearScenario.day, isTooMuchFor: isTooMuchFor) {
        $0.shared.setMilliseconds(milliseconds)
      } end: {
        $0.shared.setMilliseconds(50)
      }
    }
  }

  /// - Parameter webCertificates: what the shared token alone has to sign for.
  static func plan(days: Int64, webCertificates: Int) -> Plan {
    var plan = Plan()
    // Milliseconds a signature at which the token just does its work: a renewal of each every 35 hours.
    let enough = 35 * 3_600_000 / Int64(max(1, webCertificates))
    plan.outage("an outage of an hour", day: 10, hours: 1)
    plan.outage("an outage of a night", day: 24, hours: 10)
    plan.outage("an outage of a day and a restart in it", day: 40, hours: 30)
    plan.events.append(Event(40 * day + 5000 + 20 * 3600, isRestart: true) { try $0.restart(afterSeconds: 600) })
    plan.outage("an outage of three days", day: 75, hours: 74, isTooMuchFor: ["web"])
    plan.slow("a slow token", day: 95, days: 10, milliseconds: enough / 3)
    plan.slow("a token that is too slow", day: 130, days: 7, milliseconds: enough * 3, isTooMuchFor: ["web"])
    plan.add("a faulty token", from: 160 * day, lasting: 3 * day) {
      $0.shared.set(.flaky(percent: 20))
    } end: {
      $0.shared.set(.working)
    }
    for number in 1...11 {
      let second = Int64(number) * 31 * day + 40_000
      plan.events.append(Event(second, isRestart: true) { try $0.restart(afterSeconds: 3 * 3600) })
    }
    // Signers: each until five days after its successor comes; then one late, and one too late.
    plan.events.append(Event(60 * day) { try $0.replaceSigner(validUntil: 125 * day) })
    plan.events.append(Event(120 * day) { try $0.replaceSigner(validUntil: 185 * day) })
    plan.events.append(Event(185 * day - 12 * 3600) { try $0.replaceSigner(validUntil: 250 * day) })
    plan.episodes.append(
      Episode(
        name: "a signer that ends", from: 247 * day, until: 250 * day + 6 * 3600, isTooMuchFor: ["web", "people"]))
    plan.events.append(Event(250 * day + 6 * 3600) { try $0.replaceSigner(validUntil: 400 * day) })
    plan.outage("an outage over a rollover", day: 299, hours: 30)
    plan.events.append(Event(300 * day) { try $0.replaceSigner(validUntil: 400 * day) })
    plan.outage("the same at the end of the year", day: 340, hours: 74, isTooMuchFor: ["web"])
    return plan
  }
}
