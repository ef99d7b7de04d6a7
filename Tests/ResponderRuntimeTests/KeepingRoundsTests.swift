import OCSP
import Responder
import TestSupport
import Testing

@testable import ResponderRuntime

@Suite("What the first signing has made is kept")
struct KeepingRoundsTests {
  private let issuer = Sample.issuer()
  private let second: Int64 = 1_000_000_000

  private func finish(_ rounds: inout KeepingRounds, now: Int64) {
    while rounds.cursor?.algorithm != nil { rounds.cursor?.advance(over: 0, to: nil) }
    rounds.pageIsKept(now: now)
  }

  @Test("in rounds while it goes on, the first one soon where a token signs", arguments: [(true, 60), (false, 300)])
  func whileSigning(isInToken: Bool, first: Int64) {
    var rounds = KeepingRounds(isInToken: isInToken, now: 0)
    for begin in [first * second, (first + 300) * second] {
      let isEarly = rounds.takesPage(issuer, isSigned: false, now: begin - 1)
      let isDue = rounds.takesPage(issuer, isSigned: false, now: begin)
      #expect(!isEarly && isDue)
      finish(&rounds, now: begin)
      #expect(!rounds.isOver)
    }
  }

  @Test("and in a last one as soon as all is signed, from the beginning")
  func last() {
    var rounds = KeepingRounds(isInToken: false, now: 0)
    let isDue = rounds.takesPage(issuer, isSigned: true, now: second)
    #expect(isDue && !rounds.isOver)
    finish(&rounds, now: second)
    #expect(rounds.isOver)
  }
}
