import CalendarTime
import EventLoop
import Glibc
import HTTP1
import LoadReport
import OCSP

/// One thread of a load: an epoll and a share of the connections of its own. It sends what is due, reads answers, judges them,
/// and sees to it that connections come back.
///
/// All times are nanoseconds since the begin of the run. Made and used on its own thread.
@safe
struct LoadThread: ~Copyable {
  let thread: Int
  let settings: LoadSettings
  let place: SocketPlace
  let writer: RequestWriter
  let collector: Collector
  let stop: StopSignal
  let depth: Int
  let timeout: Int64
  let closesAfterAnswer: Bool
  /// Nil in a closed loop.
  let plan: SendPlan?
  private let begin: Int64
  let epoll: Epoll

  var slots: [Slot]
  /// A ring of `depth` places for each slot.
  var inFlight: [InFlight]
  /// What has come of an answer that is not whole, for each slot.
  var leftovers: [[UInt8]]
  /// Slots with an open connection and room for a request, the one used last at the end.
  var roomy: [Int32] = []
  /// Slots without a connection where one may be made.
  var vacant: [Int32] = []
  /// Requests that were given to a connection which the server closed in good order before it took them up.
  var again: [InFlight] = []
  /// How many requests of this thread have been begun.
  var begun: UInt64 = 0
  var underWay = 0
  var tally: Tally
  /// The time of this turn.
  var now: Int64 = 0
  /// The wall clock, for times in answers.
  var wallClock = UnixTime(seconds: 0)
  /// When requests stop being sent: the end of the measured time, or earlier.
  var sendEnd: Int64
  /// When answers stop being waited for.
  var drainEnd: Int64
  /// Since when a connection was free again for requests that had to wait for one.
  var freeSince: Int64 = 0
  var isShortOfConnections = false
  private var nextSweep: Int64 = 0
  private var nextSlice: Int64
  private var processorAtStart: Int64?
  private(set) var hasEnded = false

  /// Where every receive lands, behind what a connection had left over.
  let input: UnsafeMutablePointer<UInt8>
  var output: ResponseBuffer
  var decoded: [UInt8] = []

  static let inputBytes = 512 << 10
  private static let sweepNanoseconds: Int64 = 10_000_000
  private static let graceNanoseconds: Int64 = 100_000_000
  static let sliceNanoseconds: Int64 = 200_000_000

  /// - Parameter begin: of the run, on the monotonic clock.
  init(thread: Int, run: LoadEngine, place: SocketPlace, collector: Collector, stop: StopSignal, begin: Int64) throws {
    self.thread = thread
    self.place = place
    self.collector = collector
    self.stop = stop
    self.begin = begin
    settings = run.settings
    writer = run.writer
    depth = settings.form.connection.depth
    timeout = settings.timeoutMilliseconds * 1_000_000
    closesAfterAnswer = settings.form.connection == .close
    let warmUp = settings.warmUpMilliseconds * 1_000_000
    let end = warmUp + settings.durationMilliseconds * 1_000_000
    if case .openLoop(let rate) = settings.pace {
      plan = SendPlan(requestsPerSecond: rate, nanoseconds: end)
    } else {
      plan = nil
    }
    sendEnd = end
    drainEnd = end + timeout + 5 * LoadThread.sweepNanoseconds
    nextSlice = warmUp + LoadThread.sliceNanoseconds
    tally = Tally(measured: warmUp..<end)
    epoll = try Epoll()
    let share = SendPlan.share(of: UInt64(settings.connections), thread: thread, threads: settings.threads)
    let count = Int(share)
    slots = Array(repeating: Slot(), count: count)
    leftovers = Array(repeating: [], count: count)
    let nobody = Question(number: 0, subject: .unknown, isPost: false, hash: .sha1, hasNonce: false)
    inFlight = Array(
      repeating: InFlight(question: nobody, planned: 0, sent: 0, isMeasured: false), count: count * depth)
    roomy.reserveCapacity(count)
    vacant = (0..<Int32(count)).reversed()
    again.reserveCapacity(count * depth)
    unsafe input = .allocate(capacity: LoadThread.inputBytes)
    output = ResponseBuffer(capacity: depth * run.writer.maximumBytes)
  }

  deinit {
    for slot in slots where slot.descriptor >= 0 { SocketPlace.reset(slot.descriptor) }
    unsafe input.deallocate()
  }

  // MARK: - The loop

  mutating func run() {
    NamedThread.wakePrecisely()
    now = clock()
    if now < 0 {
      _ = epoll.wait(nanoseconds: -now)
      now = clock()
    }
    sweep()
    if plan == nil { for slot in slots.indices { fill(slot) } }
    while true {
      if plan != nil { sendDue() }
      if now >= sendEnd, !hasEnded, !isBehind { endMeasuring() }
      if isFinished { break }
      let count = epoll.wait(nanoseconds: waitNanoseconds)
      now = clock()
      for index in 0..<count { take(epoll[index]) }
      if now >= nextSweep { sweep() }
    }
    // With the last sweep a little before the deadline.
    if !stop.isStopped { for slot in slots.indices { giveUp(slot) } }
    handOver()
  }

  func clock() -> Int64 { MonotonicTime.now().nanoseconds - begin }

  private var isFinished: Bool {
    hasEnded && (underWay == 0 || now >= drainEnd)
  }

  /// Whether the plan has requests left that only the client itself has held up: they are sent even if the end has come.
  private var isBehind: Bool {
    guard now < sendEnd + LoadThread.graceNanoseconds, hasRoom, let next = nextPlanned else { return false }
    return next <= now
  }

  /// How long nothing has to be done of itself.
  private var waitNanoseconds: Int64 {
    let present = clock()
    var until = min(nextSweep, sendEnd > present ? sendEnd : drainEnd)
    if hasRoom, let next = nextPlanned { until = min(until, next) }
    return max(0, until - present)
  }

  private mutating func take(_ event: Epoll.Event) {
    let slot = Int(event.data & 0xFFFF_FFFF)
    guard slots[slot].generation == UInt32(truncatingIfNeeded: event.data >> 32), slots[slot].descriptor >= 0 else {
      return
    }
    if slots[slot].phase == .connecting {
      guard event.isWritable || event.isHungUp else { return }
      finishConnecting(slot)
      return
    }
    if event.isWritable, slots[slot].unsent > 0, slots[slot].phase == .open {
      flush(slot)
      guard slots[slot].descriptor >= 0 else { return }
    }
    if event.isReadable || event.isHungUp { receive(slot) }
  }

  // MARK: - What is looked at now and then

  private mutating func sweep() {
    nextSweep = now + LoadThread.sweepNanoseconds
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    wallClock = UnixTime(seconds: Int64(time.tv_sec))
    if stop.isStopped, now < sendEnd {
      sendEnd = now
      drainEnd = now + min(timeout, 1_000_000_000)
    }
    if processorAtStart == nil, now >= tally.measured.lowerBound { beginMeasuring() }
    if now >= nextSlice {
      handOver()
      nextSlice += LoadThread.sliceNanoseconds
    }
    for slot in slots.indices where slots[slot].phase != .empty { lookAfter(slot) }
  }

  private mutating func beginMeasuring() {
    processorAtStart = NamedThread.processorNanoseconds
    // Those that the warm-up has made are used from here on.
    tally.connectionsOpened = UInt64(slots.count { $0.phase == .open })
  }

  /// The end of the measured time: what was planned and not begun never will be.
  private mutating func endMeasuring() {
    guard !hasEnded else { return }
    hasEnded = true
    if let start = processorAtStart { tally.processorNanoseconds = NamedThread.processorNanoseconds - start }
    giveUpWaiting()
  }

  private mutating func handOver() {
    let measured = min(now, sendEnd - 1) - tally.measured.lowerBound
    guard measured >= 0 else { return }
    // The slice that ends at this moment belongs to the second before it.
    let second = Int(max(0, measured - LoadThread.sliceNanoseconds / 2) / 1_000_000_000)
    let collector = collector
    tally.takeSlice { collector.add($0, second: second) }
  }
}
