import Responder
import Testing

@Suite("Health of places and keys")
struct SigningHealthTests {
  private let second: Int64 = 1_000_000_000

  /// Issuers 0, 1 and 2 in place 0; issuer 2 in place 1 too.
  private func health() -> SigningHealth {
    var health = SigningHealth()
    health.addPlaces(2)
    health.configure(placesOfIssuers: [[0], [0], [0, 1]])
    return health
  }

  private func issuer(_ number: UInt16) -> IssuerIndex { IssuerIndex(number) }

  private func fail(_ health: inout SigningHealth, _ number: UInt16, times: Int = 1, now: Int64 = 0) -> Bool {
    (0..<times).reduce(false) { changed, _ in
      let hasChanged = health.failed(issuer(number), place: 0, message: "no", now: now, chance: 0)
      return changed || hasChanged
    }
  }

  @Test("three failures in a row leave a place alone, and keys are tried in turns until one signs")
  func placeDown() {
    var health = health()
    var hasChanged = fail(&health, 0, times: 3)
    #expect(!hasChanged && !health.isSigning(0) && health.isSigning(1) && health.lastFailure(0) == "no")
    #expect(health.look(0, now: 0, mayTry: true) == .wait(until: second))
    var tried: [IssuerIndex] = []
    var now = second
    for _ in 0..<4 {
      guard case .trial(let issuer) = health.look(0, now: now, mayTry: true) else {
        Issue.record("no trial")
        return
      }
      tried.append(issuer)
      #expect(health.look(0, now: now, mayTry: true) == .wait(until: nil), "one at a time")
      _ = health.trialEnded(issuer, place: 0, isGood: false, message: "still", now: now, chance: 0)
      now += 40 * second
    }
    #expect(tried == [issuer(0), issuer(1), issuer(2), issuer(0)])
    #expect(health.look(0, now: now, mayTry: false) == .wait(until: max(now + second / 10, now)))
    guard case .trial(let last) = health.look(0, now: now, mayTry: true) else { return }
    hasChanged = health.trialEnded(last, place: 0, isGood: true, message: nil, now: now, chance: 0)
    // The one that had failed shows by itself whether it does still, at once.
    #expect(hasChanged && health.isSigning(0) && health.usablePlaces == [[], [0], [0, 1]])
    #expect(health.look(0, now: now, mayTry: true) == .trial(issuer(0)))
    hasChanged = health.trialEnded(issuer(0), place: 0, isGood: true, message: nil, now: now, chance: 0)
    #expect(hasChanged && health.usablePlaces == [[0], [0], [0, 1]])
  }

  @Test("a key that fails where others sign is left alone by itself, and tried again after growing pauses")
  func keyAtFault() {
    var health = health()
    for _ in 0..<2 {
      let hasChanged = fail(&health, 2)
      #expect(!hasChanged)
      health.succeeded(issuer(1), place: 0)
    }
    let hasChanged = fail(&health, 2)
    #expect(hasChanged && health.isSigning(0) && health.usablePlaces == [[0], [0], [1]])
    #expect(health.isSuspended(issuer(2)) && !health.isSuspended(issuer(1)))
    #expect(health.look(0, now: 0, mayTry: true) == .sign(nextTrial: second))
    #expect(health.look(0, now: second, mayTry: true) == .trial(issuer(2)))
    #expect(health.look(0, now: second, mayTry: true) == .sign(nextTrial: nil), "its trial is under way")
    _ = health.trialEnded(issuer(2), place: 0, isGood: false, message: "still", now: second, chance: 0)
    #expect(health.look(0, now: second, mayTry: true) == .sign(nextTrial: 3 * second))
    #expect(health.look(0, now: 3 * second, mayTry: true) == .trial(issuer(2)))
    let isBack = health.trialEnded(issuer(2), place: 0, isGood: true, message: nil, now: 3 * second, chance: 0)
    #expect(isBack && health.usablePlaces == [[0], [0], [0, 1]] && !health.isSuspended(issuer(2)))
  }

  @Test("what the configuration has to mend is left alone until the next one, and decides nothing for others")
  func disabled() {
    var health = health()
    health.disable(issuer(0), place: 0, why: "another key")
    #expect(health.usablePlaces == [[], [0], [0, 1]] && health.isSigning(0) && health.disabled.count == 1)
    _ = fail(&health, 1, times: 3)
    guard case .trial(let tried) = health.look(0, now: second, mayTry: true) else { return }
    #expect(tried != issuer(0))
    health.configure(placesOfIssuers: [[0], [0], [0, 1]])
    #expect(health.disabled.isEmpty && health.usablePlaces == [[0], [0], [0, 1]])
  }

  @Test("a key that its trial finds to be misconfigured is tried no more, and its place signs on with others")
  func disabledByTrial() {
    var health = SigningHealth()
    health.addPlaces(1)
    health.configure(placesOfIssuers: [[0], [0], [0], [0]], tokens: [0])
    for number in UInt16(0)..<3 {
      health.disable(issuer(number), place: 0, why: "the PIN is wrong")
      let hasChanged = health.trialEnded(
        issuer(number), place: 0, isGood: false, message: "the PIN is wrong", now: 0, chance: 0)
      #expect(!hasChanged && health.isSigning(0))
    }
    #expect(health.usablePlaces == [[], [], [], [0]] && health.unprovenKey(0, now: 0).issuer == issuer(3))
  }

  @Test("a key that is left alone for a while and found to be misconfigured is left alone for good")
  func suspendedThenDisabled() {
    var health = health()
    for _ in 0..<3 {
      _ = fail(&health, 2)
      health.succeeded(issuer(1), place: 0)
    }
    #expect(health.isSuspended(issuer(2)) && health.look(0, now: second, mayTry: true) == .trial(issuer(2)))
    health.disable(issuer(2), place: 0, why: "another key")
    _ = health.trialEnded(issuer(2), place: 0, isGood: false, message: "another key", now: second, chance: 0)
    #expect(!health.isSuspended(issuer(2)) && health.usablePlaces == [[0], [0], [1]])
    #expect(health.look(0, now: 100 * second, mayTry: true) == .sign(nextTrial: nil), "not tried again")
    // Nor when the place has failed and signs again.
    health.disable(issuer(0), place: 0, why: "another key")
    _ = fail(&health, 0, times: 3, now: 100 * second)
    #expect(!health.isSigning(0) && health.look(0, now: 200 * second, mayTry: true) == .trial(issuer(1)))
    _ = health.trialEnded(issuer(1), place: 0, isGood: true, message: nil, now: 200 * second, chance: 0)
    #expect(health.isSigning(0) && health.look(0, now: 300 * second, mayTry: true) == .sign(nextTrial: nil))
  }

  @Test("keys in tokens are tried before they are needed, and what is wrong shows")
  func unproven() {
    var health = SigningHealth()
    health.addPlaces(2)
    health.configure(placesOfIssuers: [[0], [1]], tokens: [1])
    #expect(health.unprovenKey(0, now: 0).issuer == nil)
    for round in 0..<3 {
      let now = Int64(round) * 2 * second
      #expect(health.unprovenKey(1, now: now).issuer == issuer(1))
      #expect(health.unprovenKey(1, now: now).issuer == nil && health.unprovenKey(1, now: now).next == now + second)
      _ = health.trialEnded(issuer(1), place: 1, isGood: false, message: "no such token", now: now, chance: 0)
    }
    #expect(!health.isSigning(1) && health.isSigning(0))
    #expect(health.whyNotSigning(issuer(1)) == "no such token" && health.whyNotSigning(issuer(0)) == nil)
    // Somebody says that it was mended: it is tried at once.
    health.configure(placesOfIssuers: [[0], [1]], tokens: [1])
    #expect(health.look(1, now: 5 * second, mayTry: true) == .trial(issuer(1)))
    _ = health.trialEnded(issuer(1), place: 1, isGood: true, message: nil, now: 5 * second, chance: 0)
    #expect(health.isSigning(1) && health.unprovenKey(1, now: 9 * second).issuer == nil)
  }
}
