/// Where octets of sockets land before they are read.
@safe
final class ReceiveBuffer {
  private let buffer: UnsafeMutableRawBufferPointer
  var count: Int { unsafe buffer.count }

  init(count: Int) {
    unsafe buffer = .allocate(byteCount: count, alignment: 16)
  }

  deinit {
    unsafe buffer.deallocate()
  }

  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(buffer)
  }
}
