import CalendarTime
import OCSP
import TestSupport
import Testing

@testable import Responder

@Suite("Signing schedule")
struct SigningScheduleTests {
  private typealias Schedule = SigningSchedule<String>

  /// Issuers 0 and 1 in place 0, issuer 2 in places 0 and 1, issuer 3 nowhere.
  private func schedule(misses: Int = 1000, renewals: Int = 1000, perSecond: Int? = nil) -> Schedule {
    var schedule = Schedule(revocationLimit: 100, missLimit: misses, renewalLimit: renewals)
    _ = schedule.configure(placesOfIssuers: [[0], [0], [0, 1], []], renewalsPerSecond: [perSecond, nil])
    return schedule
  }

  private func order(
    _ name: String, _ issuer: UInt16 = 0, _ lane: Schedule.Lane = .miss, isLive: Bool = false, expires: Int64 = 0,
    cost: Int = 1
  ) -> Schedule.Order {
    Schedule.Order(
      name, issuer: IssuerIndex(issuer), lane: lane, isLive: isLive, expires: UnixTime(seconds: expires), cost: cost)
  }

  private func drain(_ schedule: inout Schedule, place: Int = 0, now: Int64 = 0) -> [String] {
    var names: [String] = []
    while case .order(let order) = schedule.pop(place: place, now: now) { names.append(order.job) }
    return names
  }

  @Test("questions that would wait too long are refused, as far as the speed of the places is known")
  func longestWait() {
    func room(_ paces: [Double?], issuer: UInt16 = 0, misses: Int = 1000) -> Int {
      var schedule = Schedule(revocationLimit: 100, missLimit: misses, renewalLimit: 10, longestMissWait: 0.1)
      _ = schedule.configure(placesOfIssuers: [[0], [0], [0, 1], []], renewalsPerSecond: [nil, nil])
      schedule.setPaces(paces)
      var count = 0
      // Two flows, since one alone may not fill the lane.
      while schedule.push(order("m", issuer, isLive: count.isMultiple(of: 2)), now: 0) { count += 1 }
      let isTaken = schedule.push(order("v", issuer, .revocation), now: 0)
      #expect(isTaken, "revocations are never refused for it")
      return count
    }
    #expect(room([2000, nil]) == 200)
    #expect(room([nil, nil]) == 1000, "not known")
    #expect(room([]) == 1000)
    #expect(room([1e12, nil]) == 1000, "never more than the bound")
    #expect(room([0.001, nil]) == Schedule.leastMisses, "some may wait for the slowest")
    #expect(room([1500, 2500], issuer: 2) == 400, "the places of an issuer sign side by side")
    #expect(room([1500, nil], issuer: 2) == 150, "what is known counts")
    #expect(room([1500, 0], issuer: 2) == 150, "one that is down signs nothing")
    #expect(room([0, nil], issuer: 2) == Schedule.leastMisses)
    #expect(room([2000, nil], misses: 10) == 10)
  }

  @Test("revocations go before questions and those before renewals, but nobody waits for ever")
  func lanes() {
    var schedule = schedule()
    for number in 0..<10 {
      _ = schedule.push(order("v\(number)", 0, .revocation), now: 0)
      _ = schedule.push(order("m\(number)"), now: 0)
      _ = schedule.push(order("r\(number)", 0, .renewal), now: 0)
    }
    let names = drain(&schedule)
    #expect(names.count == 30 && names.prefix(4) == ["v0", "v1", "v2", "v3"])
    for kind in ["v", "m", "r"] {
      #expect(names.filter { $0.hasPrefix(kind) } == (0..<10).map { "\(kind)\($0)" }, "first in, first out")
    }
    let firstMiss = names.firstIndex(of: "m0") ?? .max
    #expect(firstMiss == 4, "a full lane of revocations lets a question through")
    // While questions keep coming, renewals get their share.
    var busy = self.schedule()
    _ = busy.push(order("renewal", 0, .renewal), now: 0)
    var turns = 0
    while true {
      _ = busy.push(order("miss"), now: 0)
      guard case .order(let next) = busy.pop(place: 0, now: 0) else { break }
      if next.job == "renewal" { break }
      turns += 1
      if turns > 100 { break }
    }
    #expect(turns <= 10)
  }

  @Test("issuers that share a token take turns, and so do an issuer's nonces and its other questions")
  func fairness() {
    var schedule = schedule()
    for number in 0..<100 { _ = schedule.push(order("flood\(number)"), now: 0) }
    _ = schedule.push(order("other", 1), now: 0)
    _ = schedule.push(order("live", 0, isLive: true), now: 0)
    let names = drain(&schedule)
    #expect(names.prefix(4).contains("other") && names.prefix(4).contains("live"))
  }

  @Test("invariant 7: lanes are bounded, and one flow leaves room for others")
  func bounds() {
    var schedule = schedule(misses: 8, renewals: 2)
    let taken = (0..<20).filter { schedule.push(order("a\($0)"), now: 0) }
    #expect(taken.count == 6)
    var isTaken = schedule.push(order("b", 1), now: 0)
    #expect(isTaken)
    isTaken = schedule.push(order("live", 0, isLive: true), now: 0)
    #expect(isTaken)
    isTaken = schedule.push(order("c", 1), now: 0)
    #expect(!isTaken, "the whole lane is full")
    #expect((0..<5).filter { schedule.push(order("r\($0)", 0, .renewal), now: 0) }.count == 2)
    #expect(schedule.refusals == 14 + 1 + 3)
    isTaken = schedule.push(order("nobody", 3), now: 0)
    #expect(!isTaken)
    #expect(schedule.depth(.miss) == 8 && schedule.renewalRoom(of: IssuerIndex(0)) == 0)
    // Renewals that a token does not sign are not in the way of those of others.
    #expect(schedule.renewalRoom(of: IssuerIndex(2)) == 2 && schedule.renewalRoom(of: IssuerIndex(3)) == 0)
    isTaken = schedule.push(order("r", 2, .renewal), now: 0)
    #expect(isTaken)
    // What was taken out may come back, though the lane is full again.
    guard case .order(let first) = schedule.pop(place: 0, now: 0) else { return }
    isTaken = schedule.push(order("d", 1), now: 0)
    #expect(isTaken)
    isTaken = schedule.putBack(first)
    #expect(isTaken && schedule.depth(.miss) == 9)
    guard case .order(let again) = schedule.pop(place: 0, now: 0) else { return }
    #expect(again.job == first.job, "in front")
  }

  @Test("renewals go by the end of what they replace, across issuers")
  func renewals() {
    var schedule = schedule()
    var random = SeededGenerator(seed: 9)
    var ends = (0..<200).map { Int64($0) }
    ends.shuffle(using: &random)
    for end in ends { _ = schedule.push(order("\(end)", UInt16(end % 3), .renewal, expires: end), now: 0) }
    #expect(drain(&schedule) == (0..<200).map { "\($0)" })
  }

  @Test("a budget holds renewals back, and nothing else")
  func budget() {
    var schedule = schedule(perSecond: 10)
    for number in 0..<40 { _ = schedule.push(order("r\(number)", 0, .renewal, expires: Int64(number)), now: 0) }
    let second: Int64 = 1_000_000_000
    #expect(drain(&schedule, now: 0).count == 10)
    guard case .nothing(let until?) = schedule.pop(place: 0, now: 0) else {
      Issue.record("no time was told")
      return
    }
    #expect(until > 0 && until <= second / 5)
    _ = schedule.push(order("miss"), now: 0)
    _ = schedule.push(order("revocation", 0, .revocation), now: 0)
    #expect(drain(&schedule, now: 0) == ["revocation", "miss"])
    #expect(drain(&schedule, now: second / 2).count == 5)
    // A second that nothing was signed in is not saved up for ever.
    #expect(drain(&schedule, now: 100 * second).count == 10)
    _ = schedule.push(order("bulk", 0, .renewal, expires: -1, cost: 30), now: 0)
    #expect(drain(&schedule, now: 102 * second).first == "bulk")
    #expect(drain(&schedule, now: 103 * second).isEmpty, "what was taken at once is paid back")
    #expect(!drain(&schedule, now: 105 * second).isEmpty)
  }

  @Test("an order goes to any place of its issuer, and to no other")
  func places() {
    var schedule = schedule()
    _ = schedule.push(order("a", 0), now: 0)
    _ = schedule.push(order("c", 2), now: 0)
    _ = schedule.push(order("r", 2, .renewal), now: 0)
    #expect(drain(&schedule, place: 1) == ["c", "r"])
    #expect(drain(&schedule, place: 0) == ["a"])
    let places = schedule.places(of: IssuerIndex(2))
    #expect(places == [0, 1])
  }

  @Test("another configuration keeps what is queued, and gives back what nothing signs for any more")
  func configuring() {
    var schedule = schedule()
    for issuer: UInt16 in 0..<3 {
      _ = schedule.push(order("m\(issuer)", issuer), now: 0)
      _ = schedule.push(order("r\(issuer)", issuer, .renewal, expires: Int64(issuer)), now: 0)
    }
    let orphans = schedule.configure(placesOfIssuers: [[1], [], [0, 1], [0]], renewalsPerSecond: [nil, nil])
    #expect(Set(orphans.map(\.job)) == ["m1", "r1"])
    #expect(schedule.depth(.miss) == 2 && schedule.depth(.renewal) == 2)
    #expect(drain(&schedule, place: 1).sorted() == ["m0", "m2", "r0", "r2"])
  }

  @Test("the breaker opens after failures in a row, one trial decides, and the pauses grow to a bound")
  func breaker() {
    var breaker = TokenBreaker()
    let second: Int64 = 1_000_000_000
    breaker.failed(now: 0, isGrave: false, chance: 0)
    breaker.failed(now: 0, isGrave: false, chance: 0)
    breaker.succeeded()
    breaker.failed(now: 0, isGrave: false, chance: 0)
    breaker.failed(now: 0, isGrave: false, chance: 0)
    #expect(breaker.isClosed)
    breaker.failed(now: 0, isGrave: false, chance: 0)
    #expect(!breaker.isClosed && breaker.openSince == 0)
    var now: Int64 = 0
    var pauses: [Int64] = []
    for _ in 0..<8 {
      guard case .open(let until) = breaker.state else { return }
      pauses.append((until - now) / second)
      let isEarly = breaker.takeTrial(now: until - 1)
      #expect(!isEarly)
      let isTaken = breaker.takeTrial(now: until)
      #expect(isTaken)
      let isTakenTwice = breaker.takeTrial(now: until)
      #expect(!isTakenTwice)
      now = until
      breaker.trialEnded(isGood: false, now: now, chance: 0)
    }
    #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30])
    guard case .open(let until) = breaker.state else { return }
    _ = breaker.takeTrial(now: until)
    breaker.trialEnded(isGood: true, now: until, chance: 0)
    #expect(breaker.isClosed && breaker.openSince == nil)
    breaker.failed(now: 0, isGrave: true, chance: 1)
    guard case .open(let next) = breaker.state else {
      Issue.record("a grave failure opens it at once")
      return
    }
    #expect(next == second * 5 / 4)
  }

  @Test("the rest of an order of many goes to whoever is free, and is paid for once")
  func givingBack() {
    var schedule = schedule(perSecond: 100)
    _ = schedule.push(order("many", 2, .renewal, cost: 64), now: 0)
    _ = schedule.push(order("later", 2, .renewal, expires: 9, cost: 64), now: 0)
    guard case .order(let many) = schedule.pop(place: 0, now: 0) else {
      Issue.record("nothing to do")
      return
    }
    var isTaken = schedule.giveBack(many, rest: 60, place: 0, now: 0)
    #expect(isTaken && schedule.depth(.renewal) == 2)
    guard case .order(let rest) = schedule.pop(place: 1, now: 0) else {
      Issue.record("nothing to do")
      return
    }
    #expect(rest.job == "many" && rest.cost == 60)
    // Of a hundred a second four are spent: there is enough for another order, which is then owed.
    guard case .order(let later) = schedule.pop(place: 0, now: 0) else {
      Issue.record("the budget was spent twice")
      return
    }
    #expect(later.job == "later")
    _ = schedule.configure(placesOfIssuers: [[0], [0], [], []], renewalsPerSecond: [nil, nil])
    isTaken = schedule.giveBack(rest, rest: 1, place: 1, now: 0)
    #expect(!isTaken)
  }
}
