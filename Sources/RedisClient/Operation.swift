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
  private var wordsWithScript: [[UInt8]]?
  private var completion: Submission.Completion?

  init(_ submission: Submission) {
    octets = submission.octets
    size = submission.octets.count
    slot = submission.slot
    isReadOnly = submission.isReadOnly
    deadline = submission.deadline
    wordsWithScript = submission.wordsWithScript
    completion = submission.completion
  }

  var isSettled: Bool { completion == nil }

  /// The completion, once; what it takes to send the command is let go.
  func settle() -> Submission.Completion? {
    octets = []
    wordsWithScript = nil
    node = nil
    return completion.take()
  }

  /// Sends the script itself from now on. False where there is none, or where it was sent already.
  func useScript() -> Bool {
    guard let words = wordsWithScript.take() else { return false }
    octets = CommandEncoding.octets(of: words)
    return true
  }
}
