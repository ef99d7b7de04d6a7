import EventLoop
import HTTP1
import Synchronization
import TLS

/// The same connections with TLS between them and the socket. Requests are parsed, answered and bounded as without it:
/// what is read from a session lands where `receive` puts it, and answers go out through the session.
extension Worker {
  // MARK: - Reading

  /// What came of looking for plain octets.
  private enum Plain {
    case octets(Int)
    /// Nothing more for now.
    case none
    /// Nothing more for ever.
    case end
    case failed
  }

  /// Goes on with the handshake or with requests, for as long as something comes.
  ///
  /// - Parameter resumes: whether requests may be left over behind one that has been answered.
  func receiveTLS(_ descriptor: Int32, _ tls: TLSConnections, resumes: Bool = false) {
    guard let secured = tls[descriptor] else { return }
    let connection = unsafe connections + Int(descriptor)
    // Level-triggered: what is left in the socket comes in the next turn, so that no client keeps others waiting.
    var receipts = 2
    if unsafe connection.pointee.phase == .handshake {
      guard finishHandshake(descriptor, tls, secured, &receipts) else { return }
    }
    var resumes = resumes
    while isReading(descriptor) {
      let leftOver = unsafe connection.pointee.extra?.input ?? []
      var count = leftOver.count
      switch readPlain(descriptor, tls, secured, from: count, &receipts) {
      case .octets(let more): count += more
      case .none where resumes && count > 0: break
      case .none:
        rest(descriptor, secured)
        return
      // As without TLS: only read where no answer is owed.
      case .end:
        close(descriptor)
        return
      case .failed:
        breakOff(descriptor, secured)
        return
      }
      resumes = false
      fillInput(leftOver)
      process(descriptor, count: count)
    }
    settle(descriptor)
  }

  /// Whether a request may be read. Otherwise what was received waits in the session, which holds no more than a record.
  private func isReading(_ descriptor: Int32) -> Bool {
    let connection = unsafe connections + Int(descriptor)
    if unsafe connection.pointee.isWriting || connection.pointee.closesAfterWrite { return false }
    return switch unsafe connection.pointee.phase {
    case .idle, .head, .body: true
    case .closed, .handshake, .pending, .lingering: false
    }
  }

  /// Fills the input buffer from `start` on.
  private func readPlain(
    _ descriptor: Int32, _ tls: TLSConnections, _ secured: TLSConnection, from start: Int, _ receipts: inout Int
  ) -> Plain {
    var filled = start
    while filled < inputBytes {
      let room = unsafe UnsafeMutableRawBufferPointer(start: input + filled, count: inputBytes - filled)
      var ending = Plain.none
      do throws(TLSFailure) {
        switch try unsafe secured.session.read(room) {
        case .bytes(let count):
          filled += count
          continue
        case .end: ending = .end
        case .none:
          switch receiveWire(descriptor, tls, secured, &receipts) {
          case .bytes: continue
          case .wouldBlock: break
          case .end, .failed: ending = .end
          }
        }
      } catch {
        // What came just before is not handled either: its answer could not be sent any more.
        return .failed
      }
      // What came before the end is answered first; the end is still there at the next look.
      return filled > start ? .octets(filled - start) : ending
    }
    // Full: as much as a request may take has been left over, and what is behind it comes when it is answered.
    return filled > start ? .octets(filled - start) : .none
  }

  /// Hands one receive to the session.
  private func receiveWire(
    _ descriptor: Int32, _ tls: TLSConnections, _ secured: TLSConnection, _ receipts: inout Int
  ) -> Linux.Transfer {
    guard receipts > 0 else {
      unsafe connections[Int(descriptor)].mayHoldMore = true
      return .wouldBlock
    }
    receipts -= 1
    let transfer = unsafe Linux.receive(descriptor, tls.wire)
    if case .bytes(let count) = transfer {
      secured.hasBegun = true
      unsafe secured.session.receive(UnsafeRawBufferPointer(rebasing: tls.wire[..<count]))
    }
    return transfer
  }

  /// Waits for what comes next.
  private func rest(_ descriptor: Int32, _ secured: TLSConnection) {
    // The session may have something to say without being asked: a changed key.
    sendWire(descriptor, secured)
    let connection = unsafe connections + Int(descriptor)
    // A part of a record is the beginning of a request, which has to come in time.
    if unsafe connection.pointee.phase == .idle, secured.hasUnread {
      begin(descriptor, .head, limits.headMilliseconds)
    }
    settle(descriptor)
  }

  // MARK: - Handshake

  /// True when the handshake is done; false where more must come, or the connection has ended.
  private func finishHandshake(
    _ descriptor: Int32, _ tls: TLSConnections, _ secured: TLSConnection, _ receipts: inout Int
  ) -> Bool {
    do throws(TLSFailure) {
      while try !secured.session.handshake() {
        switch receiveWire(descriptor, tls, secured, &receipts) {
        case .bytes: continue
        case .wouldBlock: break
        case .end, .failed:
          close(descriptor)
          return false
        }
        sendWire(descriptor, secured)
        settle(descriptor)
        return false
      }
    } catch {
      countFailure(error.why)
      breakOff(descriptor, secured)
      return false
    }
    counters.handshakes.add()
    // At the end there is no waiting for a request for long; one whose handshake was let go on is waited for, though.
    if isDraining {
      begin(descriptor, .head, limits.headMilliseconds)
    } else {
      begin(descriptor, .idle, limits.idleMilliseconds)
    }
    sendWire(descriptor, secured)
    return unsafe connections[Int(descriptor)].phase != .closed
  }

  private func countFailure(_ why: String) {
    counters.failedHandshakes.add()
    shared.lastHandshakeFailure.withLock { $0 = why }
  }

  // MARK: - Writing

  /// Sends what the response buffer holds, through the session.
  func flushTLS(_ descriptor: Int32, _ tls: TLSConnections) {
    defer { unsafe response.truncate(to: 0) }
    guard let secured = tls[descriptor] else { return }
    do throws(TLSFailure) {
      unsafe try secured.session.write(response.octets, appendingTo: &secured.output)
    } catch {
      close(descriptor)
      return
    }
    sendWire(descriptor, secured)
  }

  /// Sends what the session has for the wire, or keeps what the socket does not take.
  private func sendWire(_ descriptor: Int32, _ secured: TLSConnection) {
    let connection = unsafe connections + Int(descriptor)
    secured.session.takeWire(&secured.output)
    guard unsafe !connection.pointee.isWriting, !secured.output.isEmpty else { return }
    guard sendOutput(descriptor, secured), !secured.output.isEmpty else { return }
    unsafe connection.pointee.isWriting = true
    // A handshake has one end for all of it.
    unsafe connection.pointee.writeDeadline =
      connection.pointee.phase == .handshake ? connection.pointee.deadline : deadline(limits.writeMilliseconds)
  }

  func continueWritingTLS(_ descriptor: Int32, _ tls: TLSConnections) {
    guard let secured = tls[descriptor], sendOutput(descriptor, secured), secured.output.isEmpty else { return }
    hasWritten(descriptor)
  }

  /// One call of `send`. False where the connection has ended.
  private func sendOutput(_ descriptor: Int32, _ secured: TLSConnection) -> Bool {
    let result = unsafe secured.output.withUnsafeBytes { octets in
      unsafe Linux.send(descriptor, UnsafeRawBufferPointer(rebasing: octets[secured.outputStart...]))
    }
    switch result {
    case .bytes(let count): secured.outputStart += count
    case .wouldBlock, .end: return true
    case .failed:
      close(descriptor)
      return false
    }
    if secured.outputStart == secured.output.count {
      secured.output = []
      secured.outputStart = 0
    }
    return true
  }

  // MARK: - The end

  /// Ends a session that has failed: the alert that says why goes out, and gets the time to be read.
  private func breakOff(_ descriptor: Int32, _ secured: TLSConnection) {
    sendWire(descriptor, secured)
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.phase != .closed else { return }
    // From here on it is no handshake that could fail.
    unsafe connection.pointee.phase = .lingering
    if unsafe connection.pointee.isWriting { close(descriptor) } else { linger(descriptor) }
  }

  /// Says that nothing more comes (RFC 8446 6.1), where the socket takes it at once, and forgets the session. Behind an
  /// answer that was cut off nothing is said: the client must see that it is not whole.
  ///
  /// - Parameter why: what became of a handshake that is not done.
  func endTLS(
    _ descriptor: Int32, _ tls: TLSConnections,
    why: @autoclosure () -> String = "the connection ended before the handshake was done"
  ) {
    guard let secured = tls[descriptor] else { return }
    let connection = unsafe connections + Int(descriptor)
    if unsafe connection.pointee.phase == .handshake, secured.hasBegun { countFailure(why()) }
    if unsafe !connection.pointee.isWriting {
      secured.session.close()
      secured.session.takeWire(&secured.output)
      if !secured.output.isEmpty { _ = unsafe secured.output.withUnsafeBytes { unsafe Linux.send(descriptor, $0) } }
    }
    tls.end(descriptor)
  }
}
