import EventLoop
import HTTP1

extension Worker {
  /// So much is read of a connection in a turn: some eighty requests that came in a row, which keep the others waiting for a
  /// fifth of a millisecond. What is left in the socket is told of again in the next turn.
  private static let receiveBytes = 16 << 10

  /// Reads once and answers every whole request that is there.
  func receive(_ descriptor: Int32) {
    let connection = unsafe connections + Int(descriptor)
    if unsafe connection.pointee.phase == .lingering {
      discard(descriptor)
      return
    }
    if let tls {
      receiveTLS(descriptor, tls)
      return
    }
    // What was left over comes first, so that a request is always contiguous.
    var start = 0
    if let extra = unsafe connection.pointee.extra, !extra.input.isEmpty {
      start = extra.input.count
      fillInput(extra.input)
    }
    let room = unsafe UnsafeMutableRawBufferPointer(
      start: input + start, count: min(inputBytes - start, Worker.receiveBytes))
    switch unsafe Linux.receive(descriptor, room) {
    case .bytes(let count):
      unsafe connection.pointee.mayHoldMore = count == room.count
      process(descriptor, count: start + count)
    case .wouldBlock: return
    case .failed: close(descriptor)
    // Only read where no answer is owed: a client that half-closes behind a request gets its answer first.
    case .end: close(descriptor)
    }
  }

  /// Puts octets that were left over at the beginning of the input buffer; they came from there, and so they fit.
  func fillInput(_ octets: [UInt8]) {
    unsafe octets.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { unsafe input.update(from: start, count: source.count) }
    }
  }

  /// Answers the requests at the beginning of the input buffer, keeps what is left, and sends.
  func process(_ descriptor: Int32, count: Int) {
    let span = unsafe Span<UInt8>(_unsafeElements: UnsafeBufferPointer(start: input, count: count))
    var position = 0
    var failure: HTTPError?
    do throws(HTTPError) {
      while position < count, try takeRequest(descriptor, span, &position) {}
    } catch {
      failure = error
    }
    if let failure {
      fail(descriptor, failure, span.extracting(position..<count))
      return
    }
    keep(descriptor, span.extracting(position..<count))
    flush(descriptor)
    settle(descriptor)
  }

  /// Takes one request from `position` on. False where no more can be taken now.
  private func takeRequest(
    _ descriptor: Int32, _ octets: Span<UInt8>, _ position: inout Int
  ) throws(HTTPError) -> Bool {
    let connection = unsafe connections + Int(descriptor)
    if unsafe connection.pointee.isWriting { return false }
    switch unsafe connection.pointee.phase {
    case .pending, .closed, .handshake, .lingering: return false
    case .idle, .head, .body: break
    }
    // The connection ends behind the last answer: whatever follows is nobody's.
    if unsafe connection.pointee.closesAfterWrite { return false }
    // Most connections have none, and then no reference count is touched.
    let hasExtra = unsafe connection.pointee.extra != nil
    if hasExtra, let extra = unsafe connection.pointee.extra, extra.chunked != nil {
      return try takeChunks(descriptor, extra, octets, &position)
    }
    let phase = unsafe connection.pointee.phase
    skipEmptyLines(phase, octets, &position)
    let rest = octets.extracting(position..<octets.count)
    // Half an empty line is not the beginning of a request either: the connection stays idle.
    if rest.isEmpty || (phase == .idle && rest.count == 1 && rest[0] == 0x0D) { return false }
    if hasExtra, let extra = unsafe connection.pointee.extra, isSurelyIncomplete(extra, rest) { return false }
    let limits = RequestParser.Limits(headBytes: self.limits.headBytes, targetBytes: self.limits.targetBytes)
    guard let parsed = try RequestParser.parse(rest, limits: limits) else {
      if unsafe connection.pointee.phase == .idle { begin(descriptor, .head, self.limits.headMilliseconds) }
      return false
    }
    switch parsed.head.framing {
    case .none:
      position += parsed.count
      answer(descriptor, parsed.head, rest.extracting(0..<parsed.count), body: rest.extracting(0..<0))
    case .length(let length):
      guard length <= self.limits.bodyBytes else { throw .bodyTooLarge }
      guard rest.count - parsed.count >= length else {
        awaitBody(descriptor, parsed, needed: parsed.count + length, hasBody: rest.count > parsed.count)
        return false
      }
      position += parsed.count + length
      answer(
        descriptor, parsed.head, rest.extracting(0..<parsed.count),
        body: rest.extracting(parsed.count..<parsed.count + length))
    case .chunked:
      position += parsed.count
      let extra = ensureExtra(descriptor)
      awaitBody(descriptor, parsed, needed: 0, hasBody: rest.count > parsed.count)
      extra.chunked = ChunkedRequest(
        head: parsed.head, headOctets: copy(rest.extracting(0..<parsed.count)),
        decoder: ChunkedDecoder(maximumBytes: self.limits.bodyBytes))
    }
    return true
  }

  /// Line ends that old clients send behind a body are no beginning of a request.
  private func skipEmptyLines(_ phase: Connection.Phase, _ octets: Span<UInt8>, _ position: inout Int) {
    guard phase == .idle else { return }
    while let end = RequestParser.endOfEmptyLine(octets, at: position) { position = end }
  }

  /// Whether what has come since the last look cannot have completed the request: a slow sender costs little.
  private func isSurelyIncomplete(_ extra: ConnectionExtra, _ rest: Span<UInt8>) -> Bool {
    if extra.neededCount > 0 { return rest.count < extra.neededCount }
    defer { extra.scannedCount = rest.count }
    return extra.scannedCount > 0 && !RequestParser.mayHoldEnd(rest, from: extra.scannedCount)
  }

  private func takeChunks(
    _ descriptor: Int32, _ extra: ConnectionExtra, _ octets: Span<UInt8>, _ position: inout Int
  ) throws(HTTPError) -> Bool {
    guard var request = extra.chunked.take() else { return false }
    let rest = octets.extracting(position..<octets.count)
    do throws(HTTPError) {
      position += try request.decoder.decode(rest, into: &request.body)
    } catch {
      extra.chunked = request
      throw error
    }
    guard request.decoder.isDone else {
      extra.chunked = request
      return false
    }
    answer(descriptor, request.head, request.headOctets.span, body: request.body.span)
    return true
  }

  private func awaitBody(_ descriptor: Int32, _ parsed: RequestParser.Result, needed: Int, hasBody: Bool) {
    let extra = ensureExtra(descriptor)
    extra.neededCount = needed
    if unsafe connections[Int(descriptor)].phase != .body { begin(descriptor, .body, limits.bodyMilliseconds) }
    // A client that has begun to send does not wait (RFC 9110 10.1.1).
    guard parsed.head.expectsContinue, !hasBody, !extra.hasContinued else { return }
    extra.hasContinued = true
    unsafe response.append("HTTP/1.1 100 Continue\r\n\r\n")
  }

  func begin(_ descriptor: Int32, _ phase: Connection.Phase, _ milliseconds: Int64) {
    unsafe connections[Int(descriptor)].phase = phase
    unsafe connections[Int(descriptor)].deadline = deadline(milliseconds)
  }

  private func answer(_ descriptor: Int32, _ head: RequestHead, _ octets: Span<UInt8>, body: Span<UInt8>) {
    let connection = unsafe connections + Int(descriptor)
    counters.requests.add()
    var head = head
    if isDraining { head.keepsAlive = false }
    unsafe connection.pointee.keepsAlive = head.keepsAlive
    if let extra = unsafe connection.pointee.extra {
      extra.neededCount = 0
      extra.scannedCount = 0
      extra.hasContinued = false
    }
    let id = unsafe ConnectionID(descriptor: descriptor, generation: connection.pointee.generation)
    let handling = unsafe handler.handle(
      head, octets: octets, body: body, turn: currentTurn, connection: id, response: &response)
    switch handling {
    case .answered:
      unsafe connection.pointee.phase = .idle
      unsafe connection.pointee.deadline = deadline(limits.idleMilliseconds)
      if !head.keepsAlive { unsafe connection.pointee.closesAfterWrite = true }
      // Room for one more answer, or the socket has to take some first.
      if unsafe response.remaining < limits.responseBytes { flush(descriptor) }
    case .pending(let exchange):
      unsafe connection.pointee.phase = .pending
      unsafe connection.pointee.deadline = .max
      if let exchange { ensureExtra(descriptor).pending = exchange }
    }
  }

  /// Keeps what is left of the input for the next time.
  private func keep(_ descriptor: Int32, _ rest: Span<UInt8>) {
    let connection = unsafe connections + Int(descriptor)
    if rest.isEmpty {
      guard let extra = unsafe connection.pointee.extra else { return }
      extra.input = []
      return
    }
    switch unsafe connection.pointee.phase {
    case .closed, .lingering: return
    default: break
    }
    if unsafe connection.pointee.closesAfterWrite {
      unsafe connection.pointee.lingersAtClose = true
      return
    }
    ensureExtra(descriptor).input = copy(rest)
  }

  /// Reads on after an error only to throw away (RFC 9112 9.6), within bounds.
  private func discard(_ descriptor: Int32) {
    let extra = ensureExtra(descriptor)
    switch unsafe Linux.receive(descriptor, UnsafeMutableRawBufferPointer(start: input, count: inputBytes)) {
    case .bytes(let count):
      extra.discardedCount += count
      if extra.discardedCount > 256 << 10 { close(descriptor) }
    case .wouldBlock: return
    case .end, .failed: close(descriptor)
    }
  }

  func ensureExtra(_ descriptor: Int32) -> ConnectionExtra {
    if let extra = unsafe connections[Int(descriptor)].extra { return extra }
    let extra = ConnectionExtra()
    unsafe connections[Int(descriptor)].extra = extra
    return extra
  }

  private func copy(_ span: Span<UInt8>) -> [UInt8] {
    unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
  }
}
