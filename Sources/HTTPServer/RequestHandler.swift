public import CalendarTime
public import HTTP1
import Synchronization

/// Answers requests. One instance per worker, used by that worker's thread alone.
public protocol RequestHandler: AnyObject {
  /// Writes the whole answer, status line to body, or puts it off.
  ///
  /// - Parameters:
  ///   - head: `keepsAlive` is false also where the server is about to close the connection.
  ///   - octets: what the head's ranges point into.
  ///   - body: the content, transfer coding removed.
  ///   - connection: who asks, for a `Completion` of an answer that is put off.
  ///   - response: has room for at least `ServerLimits.responseBytes` more octets.
  func handle(
    _ head: RequestHead, octets: Span<UInt8>, body: Span<UInt8>, turn: Turn, connection: ConnectionID,
    response: inout ResponseBuffer
  ) -> Handling
}

/// What a handler did with a request.
public enum Handling: Sendable {
  /// The answer is in the buffer.
  case answered
  /// The answer will come through the worker's `CompletionQueue`; until then the connection waits. Where it ends before,
  /// the exchange is told so.
  case pending(PendingExchange?)
}

/// A request whose answer was put off, as the one who works on it sees it. Any thread may ask.
public final class PendingExchange: Sendable {
  private let hasEnded = Atomic<Bool>(false)

  public init() {}

  /// Whether the client is gone: nobody will read the answer.
  public var isGone: Bool { hasEnded.load(ordering: .relaxed) }

  func connectionHasEnded() {
    hasEnded.store(true, ordering: .relaxed)
  }
}

/// One turn of a worker's loop: the clock is read once for all that is answered in it.
public struct Turn: Sendable {
  public internal(set) var now: UnixTime
  /// `now` as the Date field has it.
  public internal(set) var date: HTTPDate.Text

  init(now: UnixTime) {
    self.now = now
    date = HTTPDate.Text(now)
  }

  /// Writes the 29 octets of the Date field.
  public func writeDate(to target: UnsafeMutablePointer<UInt8>) {
    unsafe date.octets.span.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { unsafe target.update(from: start, count: source.count) }
    }
  }
}

/// A connection of one worker: a descriptor and the number of times that it has stood for a connection, so that a late
/// answer never reaches the wrong client.
public struct ConnectionID: Sendable, Hashable {
  var descriptor: Int32
  var generation: UInt32

  /// As epoll carries it.
  var data: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor)) }

  init(descriptor: Int32, generation: UInt32) {
    self.descriptor = descriptor
    self.generation = generation
  }

  init(data: UInt64) {
    descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: data))
    generation = UInt32(data >> 32)
  }
}

/// Bounds and times; every one of them has an end for each connection.
public struct ServerLimits: Sendable {
  /// Open connections of the whole server.
  public var connections = 10_000
  /// One more than the highest descriptor that a connection may have: descriptors are numbered across the process, so a
  /// server that shares it with a larger one needs room for that one's connections too. Nil is enough for a server alone.
  public var descriptors: Int?
  /// Room for descriptors that are no connections: listeners, files, databases.
  public static let otherDescriptors = 4096
  public var headBytes = 8192
  public var targetBytes = 8000
  public var bodyBytes = 16_384
  /// Octets of the largest answer.
  public var responseBytes = 32_768
  /// From the first octet of a request to the end of its head; with TLS also from the connection to the end of its
  /// handshake.
  public var headMilliseconds: Int64 = 10_000
  /// From the end of the head to the end of the body.
  public var bodyMilliseconds: Int64 = 10_000
  /// Between two requests, and before the first.
  public var idleMilliseconds: Int64 = 60_000
  /// Until a client has taken an answer that did not fit the socket's buffer.
  public var writeMilliseconds: Int64 = 10_000
  /// How long a client may go on sending after an early error.
  public var lingerMilliseconds: Int64 = 2000
  /// How long open requests are waited for at the end.
  public var drainMilliseconds: Int64 = 10_000

  public init() {}
}
