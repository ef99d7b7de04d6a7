import HTTP1

/// Some strings of octets, one behind the other at a fixed address: appending one touches no reference count.
@safe
final class OctetTable: @unchecked Sendable {
  // Written by `init` alone.
  private let octets: UnsafeMutablePointer<UInt8>
  /// Where each begins, and where the last one ends.
  private let starts: UnsafeMutablePointer<Int>
  /// How many there are.
  let count: Int

  init(_ strings: [[UInt8]]) {
    count = strings.count
    unsafe octets = .allocate(capacity: max(1, strings.reduce(0) { $0 + $1.count }))
    unsafe starts = .allocate(capacity: strings.count + 1)
    var end = 0
    for (place, string) in strings.enumerated() {
      unsafe starts[place] = end
      for octet in string {
        unsafe octets[end] = octet
        end += 1
      }
    }
    unsafe starts[strings.count] = end
  }

  deinit {
    unsafe octets.deallocate()
    unsafe starts.deallocate()
  }

  /// Octets of one of them.
  func count(_ place: Int) -> Int {
    precondition(place >= 0 && place < count)
    return unsafe starts[place + 1] - starts[place]
  }

  /// Appends the end of a head, `body` and one of the strings behind it.
  func append(_ place: Int, behind body: Span<UInt8>, to response: inout ResponseBuffer) {
    let (bodyCount, size) = (body.count, count(place))
    unsafe response.append(2 + bodyCount + size) { target in
      unsafe target[0] = 0x0D
      unsafe target[1] = 0x0A
      unsafe body.withUnsafeBufferPointer { source in
        if let start = source.baseAddress { unsafe (target + 2).update(from: start, count: bodyCount) }
      }
      unsafe (target + 2 + bodyCount).update(from: octets + starts[place], count: size)
    }
  }
}
