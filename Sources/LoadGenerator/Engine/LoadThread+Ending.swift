import EventLoop
import Glibc
import LoadReport

extension LoadThread {
  /// How long a server has to close a connection that it said it would.
  private static let lingerNanoseconds: Int64 = 100_000_000
  private static let firstRestNanoseconds: Int64 = 10_000_000
  private static let longestRestNanoseconds: Int64 = 1_000_000_000

  /// The last answer of a connection has come. Requests behind it were not taken up by the server (RFC 9112 9.3.2): they are
  /// sent again elsewhere, and their planned times stand.
  mutating func endAfterAnswer(_ slot: Int, isAtEnd: Bool) {
    while slots[slot].count > 0 {
      again.append(inFlight[place(slot, slots[slot].count - 1)])
      forgetSent(again.count - 1)
      slots[slot].count -= 1
      underWay -= 1
    }
    slots[slot].unsent = 0
    slots[slot].sentOctets = 0
    if hasEnded { giveUpAgain() }
    if isAtEnd {
      close(slot)
      return
    }
    slots[slot].phase = .ending
    slots[slot].since = now
    // Mostly the end has come with the answer.
    receiveEnd(slot)
  }

  /// A request that is sent again is counted as sent once.
  private mutating func forgetSent(_ place: Int) {
    guard plan == nil, again[place].isMeasured else { return }
    again[place].isMeasured = false
    tally.planned -= 1
  }

  private mutating func receiveEnd(_ slot: Int) {
    let room = unsafe UnsafeMutableRawBufferPointer(start: input, count: 4096)
    switch unsafe Linux.receive(slots[slot].descriptor, room) {
    case .wouldBlock: break
    case .bytes, .end, .failed: close(slot)
    }
  }

  /// The server has closed, and no answer has begun.
  mutating func didEnd(_ slot: Int) {
    if slots[slot].count == 0 || slots[slot].phase == .ending {
      close(slot)
    } else {
      abandon(slot, .closedEarly, "the server closed the connection before it answered")
    }
  }

  /// The server has closed within an answer.
  ///
  /// - Parameter answer: what came of it, in the input.
  mutating func loseInAnswer(_ slot: Int, _ answer: Range<Int>) {
    finish(slot, .closedEarly, answer: answer, explanation: "the server closed the connection within the answer")
    abandon(slot, .closedEarly, "the server closed the connection before it answered")
  }

  /// A system call has failed: there is no connection, or none any more.
  mutating func lose(_ slot: Int, code: Int32) {
    let isConnecting = slots[slot].phase == .connecting
    if slots[slot].phase == .ending {
      close(slot)
      return
    }
    let reason = Linux.errorText(code)
    abandon(
      slot, isConnecting ? .connectFailed : .closedEarly,
      isConnecting ? "no connection: \(reason)" : "the connection was lost before the answer: \(reason)")
  }

  /// Gives a connection up with all requests on it.
  mutating func abandon(_ slot: Int, _ kind: AnswerKind, _ explanation: String) {
    // In a closed loop what was never sent begins where it was given up.
    if plan == nil {
      for offset in slots[slot].count - slots[slot].unsent..<slots[slot].count {
        let entry = place(slot, offset)
        inFlight[entry].isMeasured = tally.measured.contains(inFlight[entry].planned)
        if inFlight[entry].isMeasured { tally.planned += 1 }
      }
    }
    while slots[slot].count > 0 { finish(slot, kind, answer: 0..<0, explanation: explanation) }
    close(slot, withReset: true)
  }

  /// Closes the connection; the slot may have another one, at once or, where this one gave nothing, after a rest.
  private mutating func close(_ slot: Int, withReset: Bool = false) {
    if slots[slot].descriptor >= 0 {
      if withReset { SocketPlace.reset(slots[slot].descriptor) } else { Linux.close(slots[slot].descriptor) }
    }
    slots[slot].descriptor = -1
    slots[slot].unsent = 0
    slots[slot].sentOctets = 0
    leftovers[slot].removeAll(keepingCapacity: true)
    guard slots[slot].answers == 0 else {
      slots[slot].phase = .empty
      offer(slot)
      return
    }
    let factor = Int64(1) << Int64(min(slots[slot].failures, 7))
    slots[slot].failures += 1
    slots[slot].phase = .resting
    slots[slot].since = now + min(LoadThread.firstRestNanoseconds * factor, LoadThread.longestRestNanoseconds)
  }

  /// The run is over, and what a slot waits for has not come.
  mutating func giveUp(_ slot: Int) {
    guard slots[slot].count > 0 else { return }
    let kind: AnswerKind = slots[slot].phase == .connecting ? .connectTimeout : .timeout
    abandon(slot, kind, "no whole answer within \(settings.timeoutMilliseconds) ms")
  }

  /// Deadlines of one slot.
  mutating func lookAfter(_ slot: Int) {
    switch slots[slot].phase {
    case .empty: break
    case .resting where now >= slots[slot].since:
      slots[slot].phase = .empty
      offer(slot)
    case .connecting where now - slots[slot].since > timeout:
      abandon(slot, .connectTimeout, "no connection within \(settings.timeoutMilliseconds) ms")
    case .open where slots[slot].count > 0 && now - inFlight[place(slot, 0)].sent > timeout:
      abandon(slot, .timeout, "no whole answer within \(settings.timeoutMilliseconds) ms")
    case .ending where now - slots[slot].since > LoadThread.lingerNanoseconds: close(slot, withReset: true)
    case .resting, .connecting, .open, .ending: break
    }
  }
}
