import EventLoop
import HTTP1

extension Worker {
  /// Sends what the response buffer holds for this connection, and settles what comes next for it.
  func flush(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.phase != .closed else {
      response.truncate(to: 0)
      return
    }
    if response.isOverflowed {
      // Half an answer must not go out.
      response.truncate(to: 0)
      close(descriptor)
      return
    }
    if response.count > 0, !send(descriptor) { return }
    settle(descriptor)
  }

  /// False where the socket is broken and the connection closed, or where an answer waits for it.
  private func send(_ descriptor: Int32) -> Bool {
    let connection = unsafe connections + Int(descriptor)
    var start = 0
    if unsafe connection.pointee.phase != .writing {
      let count = response.count
      let result = unsafe response.withUnsafeBytes { unsafe Linux.send(descriptor, $0) }
      switch result {
      case .bytes(count):
        response.truncate(to: 0)
        return true
      case .bytes(let sent): start = sent
      case .wouldBlock, .end: break
      case .failed:
        response.truncate(to: 0)
        close(descriptor)
        return false
      }
    }
    let extra = ensureExtra(descriptor)
    unsafe response.withUnsafeBytes(from: start) { unsafe extra.output += $0 }
    response.truncate(to: 0)
    if unsafe connection.pointee.phase == .pending {
      // Answers before the one that is put off: the socket is waited for beside it.
      setInterest(descriptor, .write)
    } else if unsafe connection.pointee.phase != .lingering {
      unsafe connection.pointee.phase = .writing
      setInterest(descriptor, .write)
    }
    unsafe connection.pointee.deadline = deadline(limits.writeMilliseconds)
    return false
  }

  /// The socket can take more of what was left.
  func continueWriting(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    guard let extra = unsafe connection.pointee.extra, extra.outputStart < extra.output.count else { return }
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
    if unsafe connection.pointee.phase == .pending {
      unsafe connection.pointee.deadline = .max
      setInterest(descriptor, [])
      return
    }
    unsafe connection.pointee.phase = .idle
    unsafe connection.pointee.deadline = deadline(limits.idleMilliseconds)
    resume(descriptor)
  }

  /// Goes on with requests that came behind the one that was just answered.
  private func resume(_ descriptor: Int32) {
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

  /// Closes, or waits for what the phase waits for.
  private func settle(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    switch unsafe connection.pointee.phase {
    case .idle:
      if unsafe connection.pointee.closesAfterWrite || connection.pointee.isPeerDone {
        close(descriptor)
        return
      }
      if unsafe connection.pointee.extra != nil { unsafe connection.pointee.extra = nil }
      setInterest(descriptor, .read)
    case .head, .body: setInterest(descriptor, .read)
    // Nothing is read meanwhile: what the client goes on sending stays in the system's buffer.
    case .pending: setInterest(descriptor, [])
    case .writing, .lingering, .closed: break
    }
  }

  /// Answers with an error and closes, after the client had time to read it.
  func fail(_ descriptor: Int32, _ error: HTTPError) {
    let connection = unsafe connections + Int(descriptor)
    counters.protocolErrors.add()
    response.append(error, turn: currentTurn)
    if unsafe connection.pointee.phase == .writing {
      // Behind the answers that wait for the socket; nothing is read any more.
      unsafe connection.pointee.closesAfterWrite = true
      flush(descriptor)
      return
    }
    unsafe connection.pointee.phase = .lingering
    unsafe connection.pointee.extra = nil
    let result = unsafe response.withUnsafeBytes { unsafe Linux.send(descriptor, $0) }
    response.truncate(to: 0)
    // An error is small: a socket that cannot take it belongs to a client that does not read.
    guard case .bytes = result else {
      close(descriptor)
      return
    }
    Linux.shutdownSending(descriptor)
    unsafe connection.pointee.deadline = deadline(limits.lingerMilliseconds)
    setInterest(descriptor, .read)
  }

  /// Writes an answer that was put off, if its client is still there.
  func complete(_ entry: CompletionQueue.Entry) {
    let id = entry.connection
    guard isCurrent(id), unsafe connections[Int(id.descriptor)].phase == .pending else {
      counters.droppedCompletions.add()
      return
    }
    let connection = unsafe connections + Int(id.descriptor)
    let keepsAlive = unsafe connection.pointee.keepsAlive && !isDraining && !connection.pointee.isPeerDone
    entry.write(currentTurn, keepsAlive, &response)
    if !keepsAlive { unsafe connection.pointee.closesAfterWrite = true }
    // Where earlier answers still wait for the socket, this one goes behind them.
    let isWaiting = unsafe connection.pointee.extra?.output.isEmpty == false
    unsafe connection.pointee.phase = isWaiting ? .writing : .idle
    unsafe connection.pointee.deadline = deadline(isWaiting ? limits.writeMilliseconds : limits.idleMilliseconds)
    if isWaiting {
      flush(id.descriptor)
      setInterest(id.descriptor, .write)
      return
    }
    if response.count > 0, !send(id.descriptor) { return }
    resume(id.descriptor)
  }

  func setInterest(_ descriptor: Int32, _ interest: Epoll.Interest) {
    let connection = unsafe connections + Int(descriptor)
    guard unsafe connection.pointee.interest != interest else { return }
    unsafe connection.pointee.interest = interest
    let id = unsafe ConnectionID(descriptor: descriptor, generation: connection.pointee.generation)
    epoll.modify(descriptor, interest, data: id.data)
  }
}
