import EventLoop
import Synchronization
import Testing

@testable import RedisClient

@Suite("What callers hand over")
struct SubmissionsTests {
  private func submission(_ text: String) -> Submission {
    Submission(RedisCommand("ECHO", text), isForCluster: false, deadline: .now()) { _ in }
  }

  private func batch(_ count: Int) -> Submission {
    var batch = RedisBatch(isForCluster: false, commands: count, octets: 0)
    for number in 0..<count { batch.append(RedisCommand("ECHO", "\(number)").words.span, keyAt: 1) }
    return Submission(batch, deadline: .now()) { _, _ in }
  }

  @Test("commands that travel together are taken all or none")
  func together() throws {
    var bounds = RedisSettings.Bounds()
    bounds.commands = 3
    let submissions = try Submissions(bounds)
    #expect(submissions.admit(submission("early")) != nil)
    #expect(submissions.start())
    #expect(submissions.admit(batch(4)) == .overloaded("0 commands wait; 3 may"))
    #expect(submissions.admit(batch(2)) == nil)
    #expect(submissions.admit(batch(2)) == .overloaded("2 commands wait; 3 may"))
    #expect(submissions.admit(submission("third")) == nil)
    let taken = submissions.takeAll().commands
    #expect(taken.map(\.octets) == [batch(2).octets, submission("third").octets])
    for one in taken { submissions.release(commands: one.count, octets: one.octets.count) }
    #expect(submissions.admit(batch(3)) == nil)
  }
}
