public import CalendarTime

/// Writes DER elements one after the other at the end of a growing buffer.
///
/// Lengths are filled in behind the content: who writes does not count.
public struct DERWriter: ~Copyable {
  /// What has been written.
  public private(set) var octets: [UInt8]

  /// - Parameter capacity: octets to make room for at once.
  public init(capacity: Int = 256) {
    octets = []
    octets.reserveCapacity(capacity)
  }

  /// The octets, and the end of the writer.
  public consuming func finish() -> [UInt8] { octets }

  /// One octet of content, behind a `header`.
  public mutating func encoded(octet: UInt8) {
    octets.append(octet)
  }

  /// Elements that are encoded already.
  public mutating func encoded(_ elements: [UInt8]) {
    octets += elements
  }

  /// An element with primitive content.
  public mutating func primitive(_ tag: DERTag, _ content: [UInt8]) {
    octets.append(tag.rawValue)
    appendLength(content.count)
    octets += content
  }

  /// An element around what `body` writes.
  public mutating func constructed(_ tag: DERTag, _ body: (inout DERWriter) -> Void) {
    octets.append(tag.rawValue)
    octets.append(0)
    let start = octets.count
    body(&self)
    let count = octets.count - start
    if count < 0x80 {
      octets[start - 1] = UInt8(count)
      return
    }
    let lengthCount = DERWriter.lengthCount(count)
    octets[start - 1] = 0x80 | UInt8(lengthCount)
    octets.insert(contentsOf: repeatElement(0, count: lengthCount), at: start)
    for index in 0..<lengthCount {
      octets[start + index] = UInt8(truncatingIfNeeded: count >> (8 * (lengthCount - 1 - index)))
    }
  }

  public mutating func sequence(_ body: (inout DERWriter) -> Void) {
    constructed(.sequence, body)
  }

  public mutating func null() {
    primitive(.null, [])
  }

  /// - Parameter content: the encoded arcs.
  public mutating func objectIdentifier(_ content: [UInt8]) {
    primitive(.objectIdentifier, content)
  }

  public mutating func octetString(_ content: [UInt8]) {
    primitive(.octetString, content)
  }

  /// A BIT STRING without unused bits.
  public mutating func bitString(_ content: [UInt8]) {
    octets.append(DERTag.bitString.rawValue)
    appendLength(content.count + 1)
    octets.append(0)
    octets += content
  }

  /// `YYYYMMDDHHMMSSZ`. A time that four digits of year cannot write becomes the nearest one they can.
  public mutating func generalizedTime(_ time: UnixTime) {
    let firstYear = UnixTime(seconds: -62_167_219_200)
    guard let civil = CivilTime(min(max(time, firstYear), UnixTime.endOfTime)) else { return }
    octets.append(DERTag.generalizedTime.rawValue)
    octets.append(15)
    appendDigits(civil.year / 100)
    appendDigits(civil.year % 100)
    appendDigits(civil.month)
    appendDigits(civil.day)
    appendDigits(civil.hour)
    appendDigits(civil.minute)
    appendDigits(civil.second)
    octets.append(0x5A)
  }

  private mutating func appendDigits(_ value: Int) {
    octets.append(0x30 + UInt8(value / 10))
    octets.append(0x30 + UInt8(value % 10))
  }

  private mutating func appendLength(_ count: Int) {
    if count < 0x80 {
      octets.append(UInt8(count))
      return
    }
    let lengthCount = DERWriter.lengthCount(count)
    octets.append(0x80 | UInt8(lengthCount))
    for index in 0..<lengthCount {
      octets.append(UInt8(truncatingIfNeeded: count >> (8 * (lengthCount - 1 - index))))
    }
  }

  /// Tag and length of an element whose content is written elsewhere.
  public mutating func header(_ tag: DERTag, contentCount: Int) {
    octets.append(tag.rawValue)
    appendLength(contentCount)
  }

  /// How many octets an element has around content of that length.
  public static func elementCount(contentCount: Int) -> Int {
    contentCount + (contentCount < 0x80 ? 2 : 2 + lengthCount(contentCount))
  }

  /// How many octets the long form takes behind its first one (X.690 8.1.3.5).
  private static func lengthCount(_ count: Int) -> Int {
    (Int.bitWidth - count.leadingZeroBitCount + 7) / 8
  }
}
