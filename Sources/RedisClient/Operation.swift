import EventLoop

/// One command, or several that travel together, from the moment it is admitted until its completion was called. The
/// client's thread alone touches it.
final class Operation {
  /// As RESP; empty once it is settled.
  private(set) var octets: [UInt8]
  /// Where each command ends, where there are several.
  private let ends: [Int]
  /// What counts towards the client's bounds: nothing for a command that has left the others it was admitted with.
  let admitted: (commands: Int, octets: Int)
  /// Of its key, in a cluster; nil for a command without one.
  let slot: Int?
  let isReadOnly: Bool
  let deadline: MonotonicTime
  /// ASKING goes before it, this once.
  var isAsking = false
  var redirections = 0
  var retries = 0
  /// Where it waits, or was sent; let go when it is settled.
  var node: Node?
  private var script: Submission.Script?
  private var completion: Submission.Completion?
  /// Of its commands, how many have a reply; a single one may be sent, and replied to, again.
  private(set) var replies = 0

  init(_ submission: Submission) {
    octets = submission.octets
    ends = submission.ends
    admitted = (submission.count, submission.octets.count)
    slot = submission.slots.first
    isReadOnly = submission.isReadOnly
    deadline = submission.deadline
    script = submission.script
    completion = submission.completion
  }

  /// One of several, by itself.
  private init(
    _ place: Int, of octets: [UInt8], slot: Int?, isAdmitted: Bool, _ deadline: MonotonicTime,
    _ completion: @escaping Submission.Each
  ) {
    self.octets = octets
    self.slot = slot
    self.deadline = deadline
    ends = []
    admitted = isAdmitted ? (1, octets.count) : (0, 0)
    isReadOnly = false
    self.completion = .one { completion(place, $0) }
  }

  /// Each of the commands by itself: those of a cluster may belong to different nodes.
  static func split(_ submission: Submission) -> [Operation] {
    guard case .each(let completion) = submission.completion else { return [Operation(submission)] }
    return submission.ends.indices.map { place in
      Operation(
        place, of: Array(submission.octets[range(place, submission.ends)]), slot: submission.slots[place],
        isAdmitted: true, submission.deadline, completion)
    }
  }

  private static func range(_ place: Int, _ ends: [Int]) -> Range<Int> {
    (place == 0 ? 0 : ends[place - 1])..<ends[place]
  }

  /// The command of several that is to be sent once more, by itself; nil where there is but one.
  func single(_ place: Int) -> Operation? {
    guard case .each(let completion) = completion else { return nil }
    return Operation(
      place, of: Array(octets[Operation.range(place, ends)]), slot: slot, isAdmitted: false, deadline, completion)
  }

  var isSettled: Bool { completion == nil }
  var count: Int { max(1, ends.count) }
  /// Commands that nobody has been told about yet.
  var openCount: Int { isSettled ? 0 : ends.isEmpty ? 1 : ends.count - replies }
  /// Whether the node owes nothing for it any more.
  var isAnswered: Bool { ends.isEmpty || replies == ends.count }

  /// Notes that a reply has come; for which of the commands.
  func takeReply() -> Int {
    guard !ends.isEmpty else { return 0 }
    replies += 1
    return replies - 1
  }

  /// Tells of one command of several; false where it is a single one.
  func tell(_ place: Int, _ result: Result<RedisValue, RedisFailure>) -> Bool {
    guard case .each(let completion) = completion else { return false }
    completion(place, result)
    return true
  }

  /// The completion, once; what it takes to send the command is let go.
  func settle() -> Submission.Completion? {
    octets = []
    script = nil
    node = nil
    return completion.take()
  }

  /// Sends the script itself from now on. False where there is none, or where it was sent already.
  func useScript() -> Bool {
    guard let script = script.take() else { return false }
    octets = CommandEncoding.octets(of: RedisScript.words(script.words, sending: script.text))
    return true
  }
}
