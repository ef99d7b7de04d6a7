import EventLoop
import Glibc
import Synchronization

/// Connections beside a load: those that ask and read an octet now and then, so that the server's buffers fill, and those that
/// say nothing. A thread of its own looks after them; where the server ends one, it is made again, at most once a second.
final class BesideConnections: Sendable {
  private let isEnding = Atomic<Bool>(false)
  private let thread: Mutex<NamedThread?> = Mutex(nil)

  /// Nil where the settings want none.
  static func start(_ engine: LoadEngine, to place: SocketPlace) -> BesideConnections? {
    guard engine.settings.slowReaders + engine.settings.idleConnections > 0 else { return nil }
    let beside = BesideConnections()
    let thread = NamedThread(name: "load-beside") {
      var connections = SlowConnections(engine, to: place)
      while !beside.isEnding.load(ordering: .acquiring) {
        connections.turn()
        usleep(SlowConnections.turnMicroseconds)
      }
    }
    beside.thread.withLock { $0 = thread }
    return beside
  }

  func end() {
    isEnding.store(true, ordering: .releasing)
    thread.withLock { $0.take() }?.join()
  }
}

/// The connections themselves, a twentieth of which has its turn every twentieth of a second.
private struct SlowConnections: ~Copyable {
  static let turnMicroseconds: UInt32 = 50_000
  private static let turnsOfASecond = 20
  /// Requests that a slow reader sends in one turn at most; the system's buffers end it earlier.
  private static let requestsOfATurn = 64

  private var descriptors: [Int32]
  private let readers: Int
  private let place: SocketPlace
  private var request: [UInt8]
  /// Octets of a request that went out in part, of each slow reader.
  private var sent: [Int]
  private var number = 0

  init(_ engine: LoadEngine, to place: SocketPlace) {
    readers = engine.settings.slowReaders
    self.place = place
    let count = readers + engine.settings.idleConnections
    descriptors = Array(repeating: -1, count: count)
    sent = Array(repeating: 0, count: count)
    request = SlowConnections.request(engine)
  }

  /// About the first serial, on a connection that stays.
  private static func request(_ engine: LoadEngine) -> [UInt8] {
    var form = engine.writer.form
    form.connection = .keepAlive
    let writer = RequestWriter(
      questioner: engine.writer.questioner, issuer: engine.writer.issuer, target: engine.writer.target, form: form)
    let hash = engine.settings.mix.hashes[0].algorithm
    return writer.octets(Question(number: 0, subject: .listed(0), isPost: false, hash: hash, hasNonce: false))
  }

  deinit {
    for descriptor in descriptors where descriptor >= 0 { SocketPlace.reset(descriptor) }
  }

  mutating func turn() {
    for index in stride(from: number, to: descriptors.count, by: SlowConnections.turnsOfASecond) {
      if index < readers { readOctet(index) } else { lookAt(index) }
      if descriptors[index] < 0 {
        // A small buffer, so that the server's fills soon.
        descriptors[index] = place.connect(receiveBytes: index < readers ? 4096 : nil)
        sent[index] = 0
      }
      if index < readers { sendMore(index) }
    }
    number = (number + 1) % SlowConnections.turnsOfASecond
  }

  private mutating func readOctet(_ index: Int) {
    guard descriptors[index] >= 0 else { return }
    var octet: UInt8 = 0
    let outcome = unsafe withUnsafeMutableBytes(of: &octet) { unsafe Linux.receive(descriptors[index], $0) }
    if isOver(outcome) { close(index) }
  }

  private mutating func sendMore(_ index: Int) {
    guard descriptors[index] >= 0 else { return }
    for _ in 0..<SlowConnections.requestsOfATurn {
      let rest = sent[index]
      let descriptor = descriptors[index]
      let outcome = unsafe request.withUnsafeBytes { octets in
        unsafe Linux.send(descriptor, UnsafeRawBufferPointer(rebasing: octets[rest...]))
      }
      switch outcome {
      case .bytes(let count): sent[index] = (rest + count) % request.count
      // Not connected yet, or full.
      case .wouldBlock: return
      case .end, .failed:
        close(index)
        return
      }
    }
  }

  /// Whether the server has ended a connection that says nothing; what it says (408) is dropped.
  private mutating func lookAt(_ index: Int) {
    guard descriptors[index] >= 0 else { return }
    let descriptor = descriptors[index]
    var octets = InlineArray<256, UInt8>(repeating: 0)
    var bytes = octets.mutableSpan
    let outcome = unsafe bytes.withUnsafeMutableBytes { unsafe Linux.receive(descriptor, $0) }
    if isOver(outcome) { close(index) }
  }

  private func isOver(_ outcome: Linux.Transfer) -> Bool {
    switch outcome {
    case .bytes, .wouldBlock: false
    case .end, .failed: true
    }
  }

  private mutating func close(_ index: Int) {
    SocketPlace.reset(descriptors[index])
    descriptors[index] = -1
  }
}
