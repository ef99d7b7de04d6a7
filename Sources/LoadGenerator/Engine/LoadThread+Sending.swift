import EventLoop
import Glibc
import HTTP1
import LoadReport

extension LoadThread {
  /// Sends what a slot was given; makes its connection where it has none.
  mutating func flush(_ slot: Int) {
    if slots[slot].phase == .empty, !connect(slot) { return }
    output.truncate(to: 0)
    let unsent = slots[slot].unsent
    guard unsent > 0 else { return }
    let base = slots[slot].count - unsent
    for offset in base..<base + unsent { writer.write(inFlight[place(slot, offset)].question, to: &output) }
    let time = clock()
    let start = slots[slot].sentOctets
    let descriptor = slots[slot].descriptor
    let total = output.count
    let outcome = unsafe output.withUnsafeBytes(from: start) { unsafe Linux.send(descriptor, $0) }
    switch outcome {
    case .bytes(let count) where start + count == total:
      for offset in base..<base + unsent { markSent(place(slot, offset), at: time) }
      slots[slot].unsent = 0
      slots[slot].sentOctets = 0
      if slots[slot].phase == .connecting { didConnect(slot) }
      wait(slot, forWriting: false)
      // In an open loop a connection with room takes more.
      if plan != nil, slots[slot].count < depth { offer(slot) }
    case .bytes(let count):
      if slots[slot].phase == .connecting { didConnect(slot) }
      takePartSent(slot, octets: start + count, at: time)
      wait(slot, forWriting: true)
    case .wouldBlock: wait(slot, forWriting: true)
    case .end: lose(slot, code: EPIPE)
    case .failed(let code): lose(slot, code: code)
    }
  }

  /// Not all has gone out: those that have are sent, and of the next one it is known how much.
  private mutating func takePartSent(_ slot: Int, octets: Int, at time: Int64) {
    var octets = octets
    while slots[slot].unsent > 0 {
      let entry = place(slot, slots[slot].count - slots[slot].unsent)
      output.truncate(to: 0)
      writer.write(inFlight[entry].question, to: &output)
      guard output.count <= octets else { break }
      octets -= output.count
      markSent(entry, at: time)
      slots[slot].unsent -= 1
    }
    slots[slot].sentOctets = octets
  }

  private mutating func markSent(_ entry: Int, at time: Int64) {
    inFlight[entry].sent = time
    if plan == nil {
      // With a connection for each request, connecting is part of it.
      if !closesAfterAnswer { inFlight[entry].planned = time }
      inFlight[entry].isMeasured = tally.measured.contains(inFlight[entry].planned)
      if inFlight[entry].isMeasured { tally.planned += 1 }
    } else {
      recordLateness(inFlight[entry], sent: time)
    }
  }

  private mutating func wait(_ slot: Int, forWriting: Bool) {
    guard slots[slot].waitsForWriting != forWriting else { return }
    slots[slot].waitsForWriting = forWriting
    epoll.modify(slots[slot].descriptor, forWriting ? [.read, .write] : .read, data: data(slot))
  }

  private func data(_ slot: Int) -> UInt64 { UInt64(slots[slot].generation) << 32 | UInt64(slot) }

  /// Begins to connect. False where that failed at once; then the slot has been seen to.
  private mutating func connect(_ slot: Int) -> Bool {
    slots[slot].generation &+= 1
    slots[slot].phase = .connecting
    slots[slot].since = now
    slots[slot].answers = 0
    slots[slot].waitsForWriting = false
    let descriptor = place.connect(sendBytes: settings.sendBufferBytes)
    guard descriptor >= 0 else {
      lose(slot, code: -descriptor)
      return false
    }
    slots[slot].descriptor = descriptor
    do throws(SystemCallError) {
      // What is sent at once mostly goes: a connection on the same machine is there already.
      try epoll.add(descriptor, .read, data: data(slot))
      return true
    } catch {
      lose(slot, code: error.code)
      return false
    }
  }

  mutating func finishConnecting(_ slot: Int) {
    let code = SocketPlace.connectError(slots[slot].descriptor)
    guard code == 0 else {
      lose(slot, code: code)
      return
    }
    didConnect(slot)
    flush(slot)
  }

  private mutating func didConnect(_ slot: Int) {
    slots[slot].phase = .open
    if now < sendEnd { tally.connectionsOpened += 1 }
  }
}
