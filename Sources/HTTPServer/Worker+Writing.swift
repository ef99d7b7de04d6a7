import EventLoop
import HTTP1

extension Worker {
  /// Sends what the response buffer holds for this connection, or keeps what the socket does not take.
  func flush(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.phase != .closed, unsafe response.count > 0 || response.isOverflowed else {
      unsafe response.truncate(to: 0)
      return
    }
    if unsafe response.isOverflowed {
      // Half an answer must not go out.
      unsafe response.truncate(to: 0)
      close(descriptor)
      return
    }
    if let tls {
      flushTLS(descriptor, tls)
      return
    }
    var start = 0
    if unsafe !connection.pointee.isWriting {
      switch unsafe response.withUnsafeBytes({ unsafe Linux.send(descriptor, $0) }) {
      case .bytes(let sent): start = sent
      case .wouldBlock, .end: break
      case .failed:
        unsafe response.truncate(to: 0)
        close(descriptor)
        return
      }
    }
    if unsafe start < response.count {
      let extra = ensureExtra(descriptor)
      unsafe response.withUnsafeBytes(from: start) { unsafe extra.output += $0 }
      if unsafe !connection.pointee.isWriting {
        unsafe connection.pointee.isWriting = true
        unsafe connection.pointee.writeDeadline = deadline(limits.writeMilliseconds)
      }
    }
    unsafe response.truncate(to: 0)
  }

  /// The socket can take more of what was left.
  func continueWriting(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.isWriting else { return }
    if let tls {
      continueWritingTLS(descriptor, tls)
      return
    }
    guard let extra = unsafe connection.pointee.extra else { return }
    let result = unsafe extra.output.withUnsafeBytes { octets in
      unsafe Linux.send(descriptor, UnsafeRawBufferPointer(rebasing: octets[extra.outputStart...]))
    }
    switch result {
    case .bytes(let count): extra.outputStart += count
    case .wouldBlock, .end: return
    case .failed:
      close(descriptor)
      return
    }
    guard extra.outputStart == extra.output.count else { return }
    extra.output = []
    extra.outputStart = 0
    hasWritten(descriptor)
  }

  /// Goes on when the socket has taken all that waited.
  func hasWritten(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    unsafe connection.pointee.isWriting = false
    unsafe connection.pointee.writeDeadline = .max
    // What the client could not send meanwhile is not held against it.
    switch unsafe connection.pointee.phase {
    case .idle: unsafe connection.pointee.deadline = deadline(limits.idleMilliseconds)
    case .head: unsafe connection.pointee.deadline = deadline(limits.headMilliseconds)
    case .body: unsafe connection.pointee.deadline = deadline(limits.bodyMilliseconds)
    case .handshake, .pending, .lingering, .closed: break
    }
    resume(descriptor)
  }

  /// Goes on with requests that came behind the one that was just answered.
  private func resume(_ descriptor: Int32) {
    if let tls {
      receiveTLS(descriptor, tls, resumes: true)
      return
    }
    let connection = unsafe connections + Int(descriptor)
    guard let extra = unsafe connection.pointee.extra, !extra.input.isEmpty,
      unsafe !connection.pointee.closesAfterWrite
    else {
      settle(descriptor)
      return
    }
    let count = extra.input.count
    fillInput(extra.input)
    extra.input = []
    process(descriptor, count: count)
  }

  /// Closes, or waits for what the connection waits for. To be called when all that could be done for it is done.
  func settle(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    if unsafe connection.pointee.isWriting {
      unsafe connection.pointee.mayHoldMore = true
      setInterest(descriptor, .write)
      return
    }
    switch unsafe connection.pointee.phase {
    case .idle:
      let hasInput = unsafe connection.pointee.extra?.input.isEmpty == false
      if unsafe connection.pointee.closesAfterWrite || (isDraining && !hasInput) {
        closeOrLinger(descriptor)
        return
      }
      if !hasInput, unsafe connection.pointee.extra != nil { unsafe connection.pointee.extra = nil }
      setInterest(descriptor, .read)
    case .handshake, .head, .body, .lingering: setInterest(descriptor, .read)
    // Nothing is read meanwhile: what the client goes on sending stays in the system's buffer.
    case .pending:
      unsafe connection.pointee.mayHoldMore = true
      setInterest(descriptor, [])
    case .closed: break
    }
  }

  /// Closes, or half-closes where the client has sent more than was read: a plain close would have the system throw away what
  /// it has not delivered yet, and reset the connection (RFC 9112 9.6).
  func closeOrLinger(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    let lingers =
      unsafe connection.pointee.lingersAtClose || (connection.pointee.mayHoldMore && Linux.unread(descriptor) > 0)
    if lingers || tls?[descriptor]?.hasUnread == true { linger(descriptor) } else { close(descriptor) }
  }

  /// Sends the end and throws away what still comes (RFC 9112 9.6).
  func linger(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    if let tls { endTLS(descriptor, tls) }
    Linux.shutdownSending(descriptor)
    unsafe connection.pointee.phase = .lingering
    unsafe connection.pointee.extra = nil
    unsafe connection.pointee.deadline = deadline(limits.lingerMilliseconds)
    setInterest(descriptor, .read)
  }

  /// Answers with an error behind what was answered before, and closes after the client had time to read it.
  ///
  /// - Parameter request: what is there of the request that is refused.
  func fail(_ descriptor: Int32, _ error: HTTPError, _ request: Span<UInt8>) {
    let connection = unsafe connections + Int(descriptor)
    counters.protocolErrors.add()
    let chunked = unsafe connection.pointee.extra?.chunked
    let isHead = chunked.map { $0.head.method == .head } ?? RequestParser.isHead(request)
    unsafe response.append(error, isHead: isHead, turn: currentTurn)
    unsafe connection.pointee.phase = .idle
    unsafe connection.pointee.closesAfterWrite = true
    unsafe connection.pointee.lingersAtClose = true
    if let extra = unsafe connection.pointee.extra {
      extra.input = []
      extra.chunked = nil
    }
    flush(descriptor)
    settle(descriptor)
  }

  /// Writes an answer that was put off, if its client is still there.
  func complete(_ entry: CompletionQueue.Entry) {
    let id = entry.connection
    guard isCurrent(id), unsafe connections[Int(id.descriptor)].phase == .pending else {
      counters.droppedCompletions.add()
      return
    }
    let connection = unsafe connections + Int(id.descriptor)
    unsafe connection.pointee.extra?.pending = nil
    let keepsAlive = unsafe connection.pointee.keepsAlive && !isDraining
    unsafe entry.write(currentTurn, keepsAlive, &response)
    if !keepsAlive {
      unsafe connection.pointee.closesAfterWrite = true
      if unsafe connection.pointee.extra?.input.isEmpty == false { unsafe connection.pointee.lingersAtClose = true }
    }
    unsafe connection.pointee.phase = .idle
    unsafe connection.pointee.deadline = deadline(limits.idleMilliseconds)
    flush(id.descriptor)
    // Where answers wait for the socket, what came behind waits with them.
    if unsafe connection.pointee.isWriting { settle(id.descriptor) } else { resume(id.descriptor) }
  }

  func setInterest(_ descriptor: Int32, _ interest: Epoll.Interest) {
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.interest != interest else { return }
    unsafe connection.pointee.interest = interest
    guard unsafe connection.pointee.isWatched else { return }
    let id = unsafe ConnectionID(descriptor: descriptor, generation: connection.pointee.generation)
    epoll.modify(descriptor, interest, data: id.data)
  }
}
