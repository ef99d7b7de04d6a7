import OCSP
import Responder
import TestSupport
import Testing

@testable import Fleet

struct UntoldChangesTests {
  private func key(_ number: Int) -> SharedKey {
    SharedKey(issuer: SharedIssuerName(1), hashAlgorithm: .sha1, serial: Sample.serial(number))
  }

  @Test("a change is untold until it is told")
  func telling() {
    var untold = UntoldChanges(limit: 10)
    #expect(untold.isTold(key(1), now: 0))
    untold.add(key(1), Revision(1), now: 0)
    #expect(!untold.isTold(key(1), now: 1))
    #expect(untold.isTold(key(2), now: 1))
    untold.tell(key(1), Revision(1))
    #expect(untold.isTold(key(1), now: 1))
    #expect(untold.count == 0)
  }

  @Test("what was told of an older change is no word of a newer one")
  func newer() {
    var untold = UntoldChanges(limit: 10)
    untold.add(key(1), Revision(1), now: 0)
    untold.add(key(1), Revision(2), now: 1)
    untold.tell(key(1), Revision(1))
    #expect(!untold.isTold(key(1), now: 2))
    untold.tell(key(1), Revision(2))
    #expect(untold.isTold(key(1), now: 2))
  }

  @Test("nobody waits for ever, and nothing is kept for ever")
  func end() {
    var untold = UntoldChanges(limit: 10)
    untold.add(key(1), Revision(1), now: 0)
    let later = UntoldChanges.longestNanoseconds + 1
    #expect(!untold.isTold(key(1), now: later - 1))
    #expect(untold.isTold(key(1), now: later))
    untold.add(key(2), Revision(1), now: later)
    #expect(untold.count == 1)
  }

  @Test("a change again is untold again, for as long as a first one")
  func again() {
    var untold = UntoldChanges(limit: 10)
    untold.add(key(1), Revision(1), now: 0)
    untold.add(key(1), Revision(1), now: UntoldChanges.longestNanoseconds)
    untold.add(key(2), Revision(1), now: UntoldChanges.longestNanoseconds + 1)
    #expect(!untold.isTold(key(1), now: UntoldChanges.longestNanoseconds + 1))
  }

  @Test("over the bound the oldest is given up")
  func bound() {
    var untold = UntoldChanges(limit: 3)
    for number in 1...5 { untold.add(key(number), Revision(1), now: Int64(number)) }
    #expect(untold.count == 3)
    #expect(untold.isTold(key(2), now: 5))
    #expect(!untold.isTold(key(3), now: 5))
  }
}
