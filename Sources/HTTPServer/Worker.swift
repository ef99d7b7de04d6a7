import CalendarTime
import EventLoop
import HTTP1
import Synchronization
import TLS

/// One thread of the server: waits for events, reads, has requests answered, writes.
///
/// `@unchecked`: made on the starting thread, and from `run` on used by one other; `counters` and `completions` are made
/// for all.
@safe
final class Worker: @unchecked Sendable {
  let name: String
  let counters = WorkerCounters()
  let completions: CompletionQueue
  let limits: ServerLimits
  let shared: HTTPServer.SharedState
  private let place: Int?
  var listeners: [Listener]
  var listening: ListeningSet
  let epoll: Epoll
  let handler: any RequestHandler
  /// Nil where octets on the wire are plain.
  let tls: TLSConnections?
  private var turn: Turn
  /// When the turn began.
  private var monotonic = MonotonicTime.now()
  private var nextSweep: Int64 = 0
  /// Where a sweep under way goes on.
  private var sweepPlace: Int32?
  /// Connections that one turn ends for being slow, and that it looks at.
  private static let endsInARow = 16
  private static let looksInARow: Int32 = 2048
  private let sweepMilliseconds: Int64
  private var drainDeadline: Int64?

  /// Indexed by descriptor.
  let connections: UnsafeMutablePointer<Connection>
  let tableCount: Int
  var highestDescriptor: Int32 = -1
  var openCount = 0

  /// Where every receive lands, behind what a connection had left over.
  let input: UnsafeMutablePointer<UInt8>
  let inputBytes: Int
  /// Its thread alone writes it, never twice at once: a check of that on each answer would cost more than it could find.
  @exclusivity(unchecked) var response: ResponseBuffer

  private static let inputBytes = 64 << 10
  private static let responseBytes = 256 << 10
  /// Marks events that are no connection's: generation 0 is never used.
  private static let wakeUpData = UInt64(UInt32.max)

  init(
    name: String, place: Int?, listeners: [Listener], limits: ServerLimits, shared: HTTPServer.SharedState,
    completions: CompletionQueue, tls context: ServerTLSContext?, handler: any RequestHandler
  ) throws {
    self.name = name
    self.place = place
    self.listeners = listeners
    listening = ListeningSet(count: listeners.count)
    self.limits = limits
    self.shared = shared
    self.completions = completions
    self.handler = handler
    epoll = try Epoll()
    turn = Turn(now: UnixTime(seconds: 0))
    let shortest =
      [
        limits.headMilliseconds, limits.bodyMilliseconds, limits.idleMilliseconds, limits.writeMilliseconds,
        limits.lingerMilliseconds,
      ].min() ?? 500
    sweepMilliseconds = min(max(shortest / 2, 10), 500)
    tableCount = limits.descriptors ?? limits.connections + ServerLimits.otherDescriptors
    unsafe connections = .allocate(capacity: tableCount)
    unsafe connections.initialize(repeating: Connection(), count: tableCount)
    tls = context.map { [tableCount] in TLSConnections($0, tableCount: tableCount) }
    inputBytes = max(Worker.inputBytes, 2 * (limits.headBytes + limits.bodyBytes))
    unsafe input = .allocate(capacity: inputBytes)
    unsafe response = ResponseBuffer(capacity: max(Worker.responseBytes, 2 * limits.responseBytes))
    try epoll.add(completions.wakeUp.descriptor, .read, data: Worker.wakeUpData)
  }

  deinit {
    unsafe connections.deinitialize(count: tableCount)
    unsafe connections.deallocate()
    unsafe input.deallocate()
  }

  // MARK: - The loop

  func run() {
    if let place { Processors.pinThisThread(to: place) }
    listen()
    readClock()
    while !isFinished {
      let count = epoll.wait(milliseconds: longestWait)
      readClock()
      for index in 0..<count { take(epoll[index]) }
      sweepIfDue()
      drainIfAsked()
    }
    closeListeners()
  }

  private var longestWait: Int32 {
    if sweepPlace != nil { return 0 }
    return Int32(openCount > 0 || drainDeadline != nil ? sweepMilliseconds : 1000)
  }

  private var isFinished: Bool { drainDeadline != nil && openCount == 0 }

  private func take(_ event: Epoll.Event) {
    if event.data == Worker.wakeUpData {
      completions.wakeUp.clear()
      for entry in completions.takeAll() { complete(entry) }
      return
    }
    let id = ConnectionID(data: event.data)
    guard id.generation != 0 else {
      acceptAll(from: id.descriptor)
      return
    }
    guard isCurrent(id) else { return }
    if event.isWritable { continueWriting(id.descriptor) }
    guard isCurrent(id) else { return }
    if event.isReadable, unsafe connections[Int(id.descriptor)].interest.contains(.read) {
      receive(id.descriptor)
    } else if event.isHungUp {
      close(id.descriptor)
    }
  }

  func isCurrent(_ id: ConnectionID) -> Bool {
    let connection = unsafe connections + Int(id.descriptor)
    return unsafe connection.pointee.generation == id.generation && connection.pointee.phase != .closed
  }

  var currentTurn: Turn { turn }

  private func readClock() {
    monotonic = MonotonicTime.recent()
    let seconds = WallClock.seconds()
    // The text of the date is made once a second.
    if seconds != turn.now.seconds { turn = Turn(now: UnixTime(seconds: seconds)) }
  }

  // MARK: - Time

  func deadline(_ milliseconds: Int64) -> Int64 {
    monotonic.advanced(byMilliseconds: milliseconds).nanoseconds
  }

  private func sweepIfDue() {
    let now = monotonic.nanoseconds
    if sweepPlace == nil {
      guard now >= nextSweep else { return }
      nextSweep = now + sweepMilliseconds * 1_000_000
      if drainDeadline == nil { listen() }
      guard openCount > 0, highestDescriptor >= 0 else { return }
    }
    let start = sweepPlace ?? 0
    sweepPlace = nil
    guard start <= highestDescriptor else { return }
    var ended = 0
    for descriptor in start...highestDescriptor {
      // Thousands that end in the same moment must not keep the others waiting: the next turn goes on.
      guard ended < Worker.endsInARow, descriptor - start < Worker.looksInARow else {
        sweepPlace = descriptor
        return
      }
      let connection = unsafe connections + Int(descriptor)
      guard unsafe connection.pointee.phase != .closed else { continue }
      if unsafe connection.pointee.isWriting {
        guard unsafe connection.pointee.writeDeadline <= now else { continue }
        counters.timeouts.add()
        close(descriptor)
        ended += 1
      } else if unsafe connection.pointee.deadline <= now {
        expire(descriptor)
        ended += 1
      }
    }
  }

  private func expire(_ descriptor: Int32) {
    let phase = unsafe connections[Int(descriptor)].phase
    // Lingering ends this way in the ordinary course of things.
    if phase != .lingering { counters.timeouts.add() }
    switch phase {
    case .head, .body:
      let received = unsafe connections[Int(descriptor)].extra?.input ?? []
      fail(descriptor, .timeout, received.span)
    case .handshake:
      if let tls { endTLS(descriptor, tls, why: "the handshake was not done within \(limits.headMilliseconds) ms") }
      close(descriptor)
    default: close(descriptor)
    }
  }

  private func drainIfAsked() {
    guard shared.isDraining.load(ordering: .acquiring) else { return }
    if drainDeadline == nil {
      drainDeadline = deadline(limits.drainMilliseconds)
      // Connections that the system has taken for us get their answers too: all that there may be, since a listener
      // that closes resets the rest.
      let backlog = Int(Listener.backlog)
      for place in listeners.indices { acceptAll(from: Int32(place), limit: backlog, answers: .max) }
      closeListeners()
      for descriptor in openDescriptors() {
        guard isQuiet(descriptor) else { continue }
        // What arrived in this instant is answered, with Connection: close; the rest is closed.
        receive(descriptor)
        if isQuiet(descriptor) { closeOrLinger(descriptor) }
      }
    } else if let drainDeadline, MonotonicTime.now().nanoseconds >= drainDeadline {
      for descriptor in openDescriptors() { close(descriptor) }
    }
  }

  /// Whether the client has asked for nothing. One that is in the middle of its handshake is about to.
  private func isQuiet(_ descriptor: Int32) -> Bool {
    let connection = unsafe connections + Int(descriptor)
    if unsafe connection.pointee.isWriting { return false }
    return switch unsafe connection.pointee.phase {
    case .idle: true
    case .handshake: tls?[descriptor]?.hasBegun == false
    case .head, .body, .pending, .lingering, .closed: false
    }
  }

  private func openDescriptors() -> [Int32] {
    guard highestDescriptor >= 0 else { return [] }
    return (0...highestDescriptor).filter { unsafe connections[Int($0)].phase != .closed }
  }

  var isDraining: Bool { drainDeadline != nil }

  func close(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.phase != .closed else { return }
    if let tls { endTLS(descriptor, tls) }
    unsafe connection.pointee.phase = .closed
    if unsafe connection.pointee.extra != nil {
      unsafe connection.pointee.extra?.pending?.connectionHasEnded()
      unsafe connection.pointee.extra = nil
    }
    openCount -= 1
    shared.openConnections.wrappingSubtract(1, ordering: .relaxed)
    counters.closed.add()
    Linux.close(descriptor)
  }
}
