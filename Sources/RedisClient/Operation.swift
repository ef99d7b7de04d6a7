import EventLoop

/// A command on its way, from the moment it is admitted until its completion was called. The client's thread alone
/// touches it.
final class Operation {
  /// As RESP; empty once it is settled.
  private(set) var octets: [UInt8]
  /// What counts towards the client's bound.
  let size: Int
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

  init(_ submission: Submission) {
    octets = submission.octets
    size = submission.octets.count
    slot = submission.slot
    isReadOnly = submission.isReadOnly
    deadline = submission.deadline
    script = submission.script
    completion = submission.completion
  }

  var isSettled: Bool { completion == nil }

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
