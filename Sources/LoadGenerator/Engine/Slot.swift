/// A place for a connection: plain values in a table that is made before the load begins.
struct Slot {
  enum Phase: UInt8 {
    /// No connection; one may be made.
    case empty
    /// No connection, and none is to be made before `since`: the last attempts failed.
    case resting
    case connecting
    case open
    /// All answers have come; the server is about to close.
    case ending
  }

  var descriptor: Int32 = -1
  var phase = Phase.empty
  /// Tells events of this connection from those of the one before.
  var generation: UInt32 = 0
  /// The place of the oldest request under way in the slot's ring.
  var first = 0
  /// Requests under way, sent or not.
  var count = 0
  /// The newest of them, which have not gone out as a whole.
  var unsent = 0
  /// Octets of the oldest unsent one that have gone out.
  var sentOctets = 0
  /// Answers that came on this connection.
  var answers = 0
  /// Connections in a row that gave nothing.
  var failures = 0
  /// When the phase began; while resting, when it ends.
  var since: Int64 = 0
  var waitsForWriting = false
  /// Is in the list of slots with room.
  var isListed = false
}

/// A request under way.
struct InFlight {
  var question: Question
  /// When it was to be sent; in a closed loop, when it was, or when connecting for it began.
  var planned: Int64
  /// When it was sent; before, when it was given to its connection.
  var sent: Int64
  /// Begins in the measured time.
  var isMeasured: Bool
}
