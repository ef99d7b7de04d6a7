import EventLoop
import Synchronization
import Testing

@testable import RedisClient

@Suite("What callers hand over")
struct SubmissionsTests {
  private func submission(_ text: String) -> Submission {
    Submission(RedisCommand("ECHO", text), isForCluster: false, deadline: .now()) { _ in }
  }

  @Test("of many that go their own way as many are taken as there is room for, from the first")
  func some() throws {
    var bounds = RedisSettings.Bounds()
    bounds.commands = 3
    let submissions = try Submissions(bounds)
    #expect(submissions.admitSome([submission("early")]).admitted == 0)
    #expect(submissions.start())
    let (admitted, refusal) = submissions.admitSome((1...5).map { submission("\($0)") })
    #expect(admitted == 3)
    guard case .overloaded? = refusal else {
      Issue.record("what did not fit is refused for want of room, not \(String(describing: refusal))")
      return
    }
    let taken = submissions.takeAll().commands
    #expect(taken.map(\.octets) == (1...3).map { submission("\($0)").octets })
    for one in taken { submissions.release(octets: one.octets.count) }
    let (again, none) = submissions.admitSome([submission("later")])
    #expect(again == 1)
    #expect(none == nil)
  }
}
