import EventLoop
import HTTP1

extension Worker {
  /// Over the bound: told so at once, so that a balancer goes elsewhere.
  func refuse(_ descriptor: Int32) {
    counters.refusedConnections.add()
    if tls != nil {
      // A handshake only to say so is what the bound is against.
      Linux.close(descriptor)
      return
    }
    let room = unsafe UnsafeMutableRawBufferPointer(start: input, count: inputBytes)
    var received = 0
    if case .bytes(let count) = unsafe Linux.receive(descriptor, room) { received = count }
    let request = unsafe Span<UInt8>(_unsafeElements: UnsafeBufferPointer(start: input, count: received))
    let start = unsafe response.count
    unsafe response.append(HTTPError.tooManyConnections, isHead: RequestParser.isHead(request), turn: currentTurn)
    _ = unsafe response.withUnsafeBytes(from: start) { unsafe Linux.send(descriptor, $0) }
    unsafe response.truncate(to: start)
    // What has come meanwhile would turn the close into a reset that overtakes the answer.
    _ = unsafe Linux.receive(descriptor, room)
    Linux.shutdownSending(descriptor)
    Linux.close(descriptor)
  }
}
