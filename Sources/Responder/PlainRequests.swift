import OCSP

/// Requests in the form that nearly all clients send (one certificate, no extension, NULL parameters), recognised by
/// comparing octets and not by parsing: what stands before the serial is the same in all requests about one issuer.
///
/// A shorter way to the same place: what it does not recognise, `OCSPRequest` parses, and what it recognises it takes for
/// what `OCSPRequest` and `IssuerTable.question` would. Made once and never changed.
@safe
public final class PlainRequests: @unchecked Sendable {
  // What the pointers lead to is written by `init` alone.
  private struct Slot {
    /// The last eight octets of the head: of the hash of the issuer's key.
    var keyWord: UInt64 = 0
    /// Where the head stands in `heads`; nil for an empty slot.
    var start: Int32 = -1
    var count: Int32 = 0
    var issuer = IssuerIndex(0)
    var hashAlgorithm = HashAlgorithm.sha1
  }

  /// Five SEQUENCE headers of two octets: OCSPRequest, TBSRequest, requestList, Request, CertID (RFC 6960 4.1.1).
  private static let headStart = 10
  /// Requests of more octets have longer headers.
  private static let longest = 129
  private let slots: UnsafeMutablePointer<Slot>
  private let slotCount: Int
  private let heads: UnsafeMutableRawPointer

  public init(_ issuers: IssuerTable) {
    let found = PlainRequests.heads(issuers)
    var count = 16
    while count < found.count * 2 { count *= 2 }
    slotCount = count
    unsafe slots = .allocate(capacity: count)
    unsafe slots.initialize(repeating: Slot(), count: count)
    unsafe heads = .allocate(byteCount: max(8, found.reduce(0) { $0 + $1.head.count }), alignment: 8)
    var end = 0
    for entry in found {
      unsafe (heads + end).copyMemory(from: entry.head, byteCount: entry.head.count)
      let word = unsafe (heads + end + entry.head.count - 8).loadUnaligned(as: UInt64.self)
      var place = home(word)
      while unsafe slots[place].start >= 0 { place = (place + 1) & (slotCount - 1) }
      unsafe slots[place] = Slot(
        keyWord: word, start: Int32(end), count: Int32(entry.head.count), issuer: entry.issuer,
        hashAlgorithm: entry.hashAlgorithm)
      end += entry.head.count
    }
  }

  private static func heads(
    _ issuers: IssuerTable
  ) -> [(issuer: IssuerIndex, hashAlgorithm: HashAlgorithm, head: [UInt8])] {
    issuers.issuers.flatMap { issuer in
      HashAlgorithm.allCases.compactMap { algorithm in
        guard let head = issuer.certIDHead(algorithm), head.count >= 16, head.count < longest else { return nil }
        return (issuer.index, algorithm, head)
      }
    }
  }

  /// What all such requests about one issuer have from the thirteenth octet on, where base64 begins a group of four characters.
  public static func commonParts(_ issuers: IssuerTable) -> [[UInt8]] {
    heads(issuers).map { Array($0.head.dropFirst(12 - headStart)) }
  }

  deinit {
    unsafe slots.deallocate()
    unsafe heads.deallocate()
  }

  /// What the request asks for; nil where it has another form, or asks about nobody here.
  public func key(of request: Span<UInt8>) -> ResponseKey? {
    let count = request.count
    guard count >= 32, count <= PlainRequests.longest else { return nil }
    return unsafe request.withUnsafeBytes { octets in
      guard let base = octets.baseAddress else { return nil }
      return unsafe key(base, count)
    }
  }

  private func key(_ request: UnsafeRawPointer, _ count: Int) -> ResponseKey? {
    guard unsafe PlainRequests.hasPlainHeaders(request, count) else { return nil }
    // The algorithm's SEQUENCE, and two digests of the same size.
    let start = PlainRequests.headStart
    let nameStart = unsafe start + 2 + Int((request + start + 1).load(as: UInt8.self))
    guard nameStart + 2 <= count else { return nil }
    let headCount = unsafe nameStart - start + 2 * (2 + Int((request + nameStart + 1).load(as: UInt8.self)))
    let serialStart = start + headCount
    guard headCount >= 16, serialStart + 3 <= count else { return nil }
    let word = unsafe (request + serialStart - 8).loadUnaligned(as: UInt64.self)
    var place = home(word)
    while true {
      let slot = unsafe slots + place
      guard unsafe slot.pointee.start >= 0 else { return nil }
      if unsafe slot.pointee.keyWord == word, unsafe slot.pointee.count == headCount,
        unsafe PlainRequests.areEqual(heads + Int(slot.pointee.start), request + start, headCount)
      {
        guard let serial = unsafe PlainRequests.serial(request + serialStart, count - serialStart) else { return nil }
        return unsafe ResponseKey(
          issuer: slot.pointee.issuer, hashAlgorithm: slot.pointee.hashAlgorithm, serial: serial)
      }
      place = (place + 1) & (slotCount - 1)
    }
  }

  /// Whether each of the five headers says that its element ends with the request.
  private static func hasPlainHeaders(_ request: UnsafeRawPointer, _ count: Int) -> Bool {
    // Each of them is two octets shorter than the one before.
    let ends = UInt64(truncatingIfNeeded: count) &* 0x0100_0100_0100_0100 &- 0x0800_0600_0400_0200
    return unsafe UInt64(littleEndian: request.loadUnaligned(as: UInt64.self)) == ends | 0x0030_0030_0030_0030
      && request.load(fromByteOffset: 8, as: UInt8.self) == 0x30
      && Int(request.load(fromByteOffset: 9, as: UInt8.self)) == count - 10
  }

  /// The serial, whose INTEGER has to be the rest.
  private static func serial(_ element: UnsafeRawPointer, _ count: Int) -> SerialNumber? {
    guard unsafe element.load(as: UInt8.self) == 0x02,
      unsafe Int(element.load(fromByteOffset: 1, as: UInt8.self)) == count - 2
    else { return nil }
    let content = unsafe Span<UInt8>(
      _unsafeStart: (element + 2).assumingMemoryBound(to: UInt8.self), count: count - 2)
    return SerialNumber(content: content)
  }

  /// Of at least sixteen octets.
  @inline(__always)
  private static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
    // The last sixteen, some of which are compared again.
    var difference = unsafe difference(left, right, count &- 16)
    var place = 0
    while place &+ 16 < count {
      difference |= unsafe self.difference(left, right, place)
      place &+= 16
    }
    return difference[0] | difference[1] == 0
  }

  @inline(__always)
  private static func difference(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ place: Int) -> SIMD2<UInt64> {
    unsafe left.loadUnaligned(fromByteOffset: place, as: SIMD2<UInt64>.self)
      ^ right.loadUnaligned(fromByteOffset: place, as: SIMD2<UInt64>.self)
  }

  /// A digest's octets are as good a hash as any; which slots are filled is the configuration's doing.
  private func home(_ word: UInt64) -> Int {
    Int(truncatingIfNeeded: word ^ word >> 32) & (slotCount - 1)
  }
}
