import EventLoop
import Metrics
import Responder

/// What stands behind the public server, with all that the control server and the operator want to know of it.
protocol ServingNode: AnyObject, Sendable {
  var source: any AnswerSource { get }
  var readiness: Readiness { get }
  /// Nil where there is no status store here, whose revisions could be applied.
  var revisions: (any AppliedRevisions)? { get }
  /// Whether a thread may stand inside a token's module for ever.
  var hasLostThreads: Bool { get }
  /// Where the CA's events are received.
  var eventAddresses: [ListenAddress] { get }
  var areEventsEncrypted: Bool { get }
  func addMetrics(_ page: inout ExpositionText)
  /// Puts another configuration's issuers in force. Throws where anything is wrong in it, and then nothing changes.
  func adopt(_ configuration: LoadedConfiguration) throws
  func start() throws
  func stop()
  /// Waits until everything of the start is there. False after `milliseconds`, or when stopped.
  func waitUntilStarted(milliseconds: Int64) -> Bool
  /// How far the start has come.
  var startProgress: StartProgress { get }
}

/// How far a node's start has come.
struct StartProgress {
  /// Answers that are there, and how many there will be; nil where that is not known.
  var done: Int
  var planned: Int?
  /// Whether there is anything to show: not while a node waits for others.
  var isMoving = true
  /// What to say once it is over.
  var summary: String
}
