import EventLoop
import HTTP1

/// What a worker knows of one connection: a plain value in a table that is made at the start. What only some
/// connections need for some time is in `extra`, so that an idle one holds no buffer.
struct Connection {
  enum Phase: UInt8 {
    case closed
    /// TLS alone: nothing of HTTP may be said yet.
    case handshake
    /// Between requests.
    case idle
    /// A head has begun.
    case head
    /// A head is complete, its body not.
    case body
    /// The handler has put the answer off.
    case pending
    /// An error was answered, and what the client still sends is thrown away (RFC 9112 9.6).
    case lingering
  }

  var phase = Phase.closed
  var generation: UInt32 = 0
  /// Whether to close once what is owed is sent.
  var closesAfterWrite = false
  /// Whether the answer that is put off leaves the connection open.
  var keepsAlive = true
  /// Whether answers wait for the socket, whatever the phase: until they are gone nothing is read or parsed.
  var isWriting = false
  /// Whether the client has sent more than was read: a plain close would reset the connection under the last answer.
  var lingersAtClose = false
  /// Whether the socket may hold octets that were not read: nothing has been read while answers waited, or a read has taken all
  /// that it may.
  var mayHoldMore = false
  var interest = Epoll.Interest.read
  /// Whether it is in the worker's epoll: without TLS not before the first look for a request.
  var isWatched = false
  /// Monotonic nanoseconds at which the phase has lasted too long; `.max` for never.
  var deadline = Int64.max
  /// The same for the answers that wait.
  var writeDeadline = Int64.max
  var extra: ConnectionExtra?
}

/// The buffers of a connection that is in the middle of something.
final class ConnectionExtra {
  /// Octets received and not used yet: the beginning of a request, or requests behind one that waits.
  var input: [UInt8] = []
  /// How many of them have been looked at for the end of a head.
  var scannedCount = 0
  /// How many octets the request will have in all, once its head is known.
  var neededCount = 0
  /// Octets to be sent, from `outputStart` on.
  var output: [UInt8] = []
  var outputStart = 0
  /// A chunked request whose body is on its way.
  var chunked: ChunkedRequest?
  /// The request whose answer was put off, where somebody wants to know of its end.
  var pending: PendingExchange?
  /// Octets thrown away while lingering.
  var discardedCount = 0
  /// Whether `100 Continue` has gone out for this request.
  var hasContinued = false
}

/// A request with a chunked body, between its head and the end of its body.
struct ChunkedRequest {
  var head: RequestHead
  var headOctets: [UInt8]
  var decoder: ChunkedDecoder
  var body: [UInt8] = []
}
