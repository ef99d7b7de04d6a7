public import OCSP

/// The serials that a load asks about, in a stretch of memory: as many octets for each as the longest has, and one more.
public struct SerialList: Sendable {
  /// What the answer about a serial should be.
  public enum Expectation: UInt8, Sendable, Hashable {
    /// Whatever an answer may be, unauthorized and unknown included.
    case any = 0
    /// Issued: good or revoked.
    case issued = 1
    case good = 2
    case revoked = 3
  }

  /// So many fit a question.
  public static let maximumCount = Int(UInt32.max)

  private var octets: [UInt8] = []
  /// Octets of an entry: length and expectation in the first, then the serial, then nothing that counts.
  private var stride: Int
  public private(set) var count = 0
  /// The lengths that there are, for templates of requests.
  private var lengths: UInt64 = 0

  /// - Parameter longestOctets: of the serials that will come, if it is known; a longer one moves all that are there.
  public init(longestOctets: Int = 0) {
    stride = 1 + min(max(longestOctets, 1), SerialNumber.maximumOctets)
  }

  public init(_ serials: [SerialNumber], expectation: Expectation = .issued) {
    self.init(longestOctets: serials.map(\.count).max() ?? 0)
    reserve(serials.count)
    for serial in serials { append(serial, expectation) }
  }

  public mutating func reserve(_ count: Int) {
    octets.reserveCapacity(count * stride)
  }

  public mutating func append(_ serial: SerialNumber, _ expectation: Expectation = .issued) {
    precondition(count < SerialList.maximumCount)
    if serial.count >= stride { widen(to: serial.count + 1) }
    octets.append(UInt8(serial.count) | expectation.rawValue << 6)
    for index in 0..<serial.count { octets.append(serial[index]) }
    for _ in serial.count..<stride - 1 { octets.append(0) }
    lengths |= 1 << UInt64(serial.count)
    count += 1
  }

  private mutating func widen(to wider: Int) {
    var moved: [UInt8] = []
    moved.reserveCapacity(max(octets.capacity / stride, count + 1) * wider)
    for start in Swift.stride(from: 0, to: octets.count, by: stride) {
      moved.append(contentsOf: octets[start..<start + stride])
      for _ in stride..<wider { moved.append(0) }
    }
    octets = moved
    stride = wider
  }

  /// Where `place` is not below `count`, this traps.
  func serial(at place: Int) -> SerialNumber {
    let start = place * stride
    let length = Int(octets[start] & 0x3F)
    let span = octets.span.extracting(start + 1..<start + 1 + length)
    guard let serial = SerialNumber(content: span) else { preconditionFailure("a serial without octets") }
    return serial
  }

  func expectation(at place: Int) -> Expectation {
    Expectation(rawValue: octets[place * stride] >> 6) ?? .any
  }

  /// Whether a serial of so many octets is in the list.
  func hasSerial(ofOctets length: Int) -> Bool { lengths >> UInt64(length) & 1 == 1 }
}
