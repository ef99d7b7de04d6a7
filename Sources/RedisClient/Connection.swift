import EventLoop
import Glibc
import TLS

/// One connection to a node, from the look-up of its name to its end. Belongs to the client's thread.
final class Connection: Timed {
  enum Phase {
    case resolving, connecting, handshaking, preparing, ready, ended
  }

  let id: UInt64
  let address: RedisAddress
  private let profile: ConnectionProfile
  private unowned let loop: ClientLoop
  /// Let go at the end.
  private var owner: (any ConnectionOwner)?
  private(set) var phase = Phase.resolving
  private let readyLimit: MonotonicTime

  private var endpoints: [Endpoint] = []
  private var lastError = ""
  private var descriptor: Int32 = -1
  /// Whether it is among those that the loop will flush.
  var isDirty = false
  private var waitsForWriting = false
  private var tls: TLSSession?
  private let reader: ReplyReader
  private var login = Login()
  private var output = OutputBuffer()

  /// Replies that the server owes.
  private(set) var owed = 0
  private var silentSince = MonotonicTime(nanoseconds: .max)
  private var lastReceipt = MonotonicTime(nanoseconds: .max)
  /// How long it may owe replies and say nothing.
  var silenceMilliseconds: Int

  /// More than this is not taken from the queues before it has gone out.
  static let outputOctets = 1 << 20

  init(
    _ address: RedisAddress, _ profile: ConnectionProfile, loop: ClientLoop, owner: any ConnectionOwner,
    now: MonotonicTime
  ) {
    id = loop.nextConnectionID()
    self.address = address
    self.profile = profile
    self.loop = loop
    self.owner = owner
    silenceMilliseconds = profile.times.silence
    reader = ReplyReader(maximumReplyOctets: profile.bounds.replyOctets)
    readyLimit = now.advanced(byMilliseconds: Int64(profile.times.connecting))
  }

  var hasRoom: Bool { phase == .ready && output.hasRoom(of: Connection.outputOctets) }

  // MARK: - Connecting

  func begin() {
    loop.add(self)
    switch Endpoint.find(address, isNumeric: true) {
    case .success(let endpoints): resolved(.success(endpoints))
    case .failure: loop.resolver.lookUp(address)
    }
  }

  /// What the resolver has found.
  func resolved(_ result: Result<[Endpoint], LookUpFailure>) {
    guard phase == .resolving else { return }
    switch result {
    case .failure(let failure): end(failure.why)
    case .success(let found):
      endpoints = found.reversed()
      lastError = "\(address.host) has no address"
      connectToNext()
    }
  }

  private func connectToNext() {
    dropSocket()
    while let endpoint = endpoints.popLast() {
      switch endpoint.connect() {
      case .failure(let error): lastError = error.description
      case .success(let made):
        descriptor = made
        phase = .connecting
        do {
          try loop.watch(made, id: id, [.read, .write])
          waitsForWriting = true
          return
        } catch {
          lastError = "\(error)"
          dropSocket()
        }
      }
    }
    end(lastError)
  }

  private func connected() {
    let code = Endpoint.connectError(descriptor)
    guard code == 0 else {
      lastError = "connect: \(Linux.errorText(code))"
      connectToNext()
      return
    }
    guard let settings = profile.tls else {
      prepare()
      return
    }
    do throws(TLSFailure) {
      tls = try TLSSession(settings, host: address.host)
      phase = .handshaking
      try handshake()
    } catch {
      end(error.why)
    }
  }

  private func handshake() throws(TLSFailure) {
    guard let tls else { return }
    defer { loop.markDirty(self) }
    if try tls.handshake() { prepare() }
  }

  private func prepare() {
    phase = .preparing
    do throws(PasswordFailure) {
      login = try Login(profile)
      output.append(login.octets)
      loop.markDirty(self)
    } catch {
      end(error.why)
    }
  }

  private func prepared(_ reply: RedisValue) {
    switch login.take(reply) {
    case .more: return
    case .refused(let why): end(why)
    case .done(let role):
      // The password goes with it.
      login = Login()
      phase = .ready
      loop.remind(at: nextTurn)
      owner?.connectionIsReady(self, role: role)
      loop.markDirty(self)
    }
  }

  // MARK: - Sending

  /// Adds octets to what goes out at the end of the turn.
  ///
  /// - Parameter replies: how many the server will owe for them.
  func send(_ octets: [UInt8], replies: Int) {
    guard phase == .ready else { return }
    output.append(octets)
    if owed == 0 {
      silentSince = loop.now
      loop.remind(at: loop.now.advanced(byMilliseconds: Int64(silenceMilliseconds)))
    }
    owed += replies
    loop.markDirty(self)
  }

  /// Writes all that waits, with one call where the socket takes it.
  func flush() {
    while phase != .ended, phase != .resolving, phase != .connecting {
      if output.isWireEmpty {
        if phase == .ready { owner?.connectionHasRoom(self) }
        do throws(TLSFailure) {
          guard phase != .ended, try output.fillWire(tls, takesPlain: phase != .handshaking) else { break }
        } catch {
          end(error.why)
          return
        }
      }
      switch output.send(to: descriptor) {
      case .bytes: continue
      case .wouldBlock, .end:
        setWaitsForWriting(true)
        return
      case .failed(let code):
        end("send: \(Linux.errorText(code))")
        return
      }
    }
    if descriptor >= 0, phase != .connecting { setWaitsForWriting(false) }
  }

  private func setWaitsForWriting(_ waits: Bool) {
    guard waits != waitsForWriting else { return }
    waitsForWriting = waits
    loop.watchAgain(descriptor, id: id, waits ? [.read, .write] : .read)
  }

  // MARK: - Receiving

  func handle(_ event: Epoll.Event) {
    if phase == .connecting {
      if event.isWritable || event.isHungUp { connected() }
      return
    }
    if event.isReadable || event.isHungUp { receive() }
    if event.isWritable { loop.markDirty(self) }
  }

  private func receive() {
    // Level-triggered: what is left comes in the next turn, so that one node keeps no other waiting.
    for _ in 0..<16 {
      let transfer = unsafe loop.receiveBuffer.withBytes { unsafe Linux.receive(descriptor, $0) }
      switch transfer {
      case .bytes(let count):
        received(count)
        guard phase != .ended, count == loop.receiveBuffer.count else { return }
      case .wouldBlock: return
      case .end:
        end("the server closed the connection")
        return
      case .failed(let code):
        end("receive: \(Linux.errorText(code))")
        return
      }
    }
  }

  private func received(_ count: Int) {
    lastReceipt = loop.now
    do {
      guard let tls else {
        try unsafe loop.receiveBuffer.withBytes { buffer throws(ReplyReader.Failure) in
          try unsafe reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try takeReplies()
        return
      }
      unsafe loop.receiveBuffer.withBytes { buffer in
        unsafe tls.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
      if phase == .handshaking { try handshake() }
      guard phase != .handshaking else { return }
      try receivePlain(tls)
    } catch let failure as ReplyReader.Failure {
      end(failure.why)
    } catch let failure as TLSFailure {
      end(failure.why)
    } catch {
      end("\(error)")
    }
  }

  private func receivePlain(_ tls: TLSSession) throws {
    while phase != .ended {
      let read = try unsafe loop.receiveBuffer.withBytes { buffer throws(TLSFailure) in
        let read = try unsafe tls.read(buffer)
        return read
      }
      switch read {
      case .bytes(let count):
        try unsafe loop.receiveBuffer.withBytes { buffer throws(ReplyReader.Failure) in
          try unsafe reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try takeReplies()
      case .none:
        // It may have something to say without being asked: a changed key.
        loop.markDirty(self)
        return
      case .end:
        end("the server closed the connection")
        return
      }
    }
  }

  private func takeReplies() throws(ReplyReader.Failure) {
    while phase != .ended, let reply = try reader.next() {
      if phase == .preparing {
        prepared(reply)
      } else {
        owed = max(0, owed - 1)
        owner?.connection(self, received: reply)
      }
    }
    guard phase == .ready else { return }
    silentSince = owed > 0 ? loop.now : MonotonicTime(nanoseconds: .max)
    // Replies make room.
    loop.markDirty(self)
  }

  // MARK: - Time

  var nextTurn: MonotonicTime {
    switch phase {
    case .resolving, .connecting, .handshaking, .preparing: readyLimit
    case .ready where owed > 0: silentSince.advanced(byMilliseconds: Int64(silenceMilliseconds))
    case .ready: lastReceipt.advanced(byMilliseconds: Int64(profile.times.idle))
    case .ended: MonotonicTime(nanoseconds: .max)
    }
  }

  func turn(_ now: MonotonicTime) {
    switch phase {
    case .resolving: end("\(address.host): the name was not found within \(profile.times.connecting) ms")
    case .connecting: end("connect: no answer within \(profile.times.connecting) ms")
    case .handshaking: end("TLS: no handshake within \(profile.times.connecting) ms")
    case .preparing:
      end("\(login.next ?? "login"): no answer within \(profile.times.connecting) ms of connecting")
    case .ready where owed > 0: end("no answer within \(silenceMilliseconds) ms")
    case .ready:
      lastReceipt = now
      owner?.connectionIsIdle(self)
    case .ended: break
    }
  }

  // MARK: - The end

  /// For the owner: ends it without a word to the owner.
  func close() {
    guard phase != .ended else { return }
    // A word of farewell, or the alert that says what was wrong; where the socket takes it at once.
    if let tls, output.isWireEmpty {
      if phase != .handshaking { tls.close() }
      output.removeAll()
      if (try? output.fillWire(tls, takesPlain: false)) == true { _ = output.send(to: descriptor) }
    }
    phase = .ended
    dropSocket()
    loop.remove(self)
    output.removeAll()
    owner = nil
  }

  private func end(_ why: String) {
    guard phase != .ended else { return }
    let owner = owner
    close()
    owner?.connectionEnded(self, why: why)
  }

  private func dropSocket() {
    guard descriptor >= 0 else { return }
    Linux.close(descriptor)
    descriptor = -1
    waitsForWriting = false
  }
}
