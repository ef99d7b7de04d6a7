/// Reads DER elements one after the other from octets that somebody else owns.
///
/// All ranges it gives are offsets into the outermost octets, so that a nested reader's results still point into the
/// same buffer. It never reads outside, never allocates and never recurses: depth is what the caller writes down.
public struct DERReader: ~Escapable {
  private let octets: Span<UInt8>
  /// The offset of the next element.
  public private(set) var position: Int
  private let end: Int

  /// One element of DER.
  public struct Element: Sendable, Hashable {
    public var tag: DERTag
    /// The offset of the tag.
    public var start: Int
    public var content: Range<Int>

    public init(tag: DERTag, start: Int, content: Range<Int>) {
      self.tag = tag
      self.start = start
      self.content = content
    }

    /// Tag, length and content.
    public var whole: Range<Int> { start..<content.upperBound }
  }

  /// Over all of `octets`.
  @_lifetime(copy octets)
  public init(_ octets: Span<UInt8>) {
    self.octets = octets
    position = 0
    end = octets.count
  }

  /// Over a part of `octets`. Traps where the range reaches outside.
  @_lifetime(copy octets)
  public init(_ octets: Span<UInt8>, in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= octets.count)
    self.octets = octets
    position = range.lowerBound
    end = range.upperBound
  }

  public var isAtEnd: Bool { position == end }

  /// The tag of the next element; nil at the end.
  public var nextTag: DERTag? {
    position < end ? DERTag(octets[position]) : nil
  }

  /// The next element, whatever its tag.
  public mutating func readElement() throws(DERError) -> Element {
    let start = position
    guard start < end else { throw DERError(.truncated, offset: start) }
    let tag = octets[start]
    guard tag & 0x1F != 0x1F else { throw DERError(.longTag, offset: start) }
    guard start + 1 < end else { throw DERError(.truncated, offset: start) }
    var length = Int(octets[start + 1])
    var contentStart = start + 2
    if length >= 0x80 {
      let count = length & 0x7F
      guard count >= 1, count <= 4 else { throw DERError(.badLength, offset: start + 1) }
      guard contentStart + count <= end else { throw DERError(.truncated, offset: start) }
      length = 0
      for index in contentStart..<contentStart + count { length = length << 8 | Int(octets[index]) }
      // Minimal: no leading zero octet, and no long form for what fits the short one.
      guard octets[contentStart] != 0, length >= 0x80 else { throw DERError(.badLength, offset: start + 1) }
      contentStart += count
    }
    guard length <= end - contentStart else { throw DERError(.truncated, offset: start) }
    position = contentStart + length
    return Element(tag: DERTag(tag), start: start, content: contentStart..<position)
  }

  /// The content of the next element, which must have this tag.
  public mutating func read(_ tag: DERTag) throws(DERError) -> Range<Int> {
    guard position < end else { throw DERError(.expected(tag), offset: position) }
    guard octets[position] == tag.rawValue else { throw DERError(.expected(tag), offset: position) }
    return try readElement().content
  }

  /// The content of the next element if it has this tag; nil, with nothing read, where it has not.
  public mutating func readOptional(_ tag: DERTag) throws(DERError) -> Range<Int>? {
    guard position < end, octets[position] == tag.rawValue else { return nil }
    return try readElement().content
  }

  /// A reader of what lies inside an element that this reader has read.
  @_lifetime(copy self)
  public func inside(_ content: Range<Int>) -> DERReader {
    DERReader(octets, in: content)
  }

  /// Refuses what is left over: the one place where trailing data is looked for.
  public func finish() throws(DERError) {
    guard position == end else { throw DERError(.trailingData, offset: position) }
  }

  // MARK: - Contents

  func octet(at offset: Int) -> UInt8 { octets[offset] }

  /// Whether the octets of `range` are just these.
  public func equals(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
    guard range.count == other.count else { return false }
    for index in 0..<other.count where octets[range.lowerBound + index] != other[index] { return false }
    return true
  }

  /// A BOOLEAN's value. FALSE is taken though DER leaves out a DEFAULT; anything but 00 and FF is refused.
  public mutating func readBoolean() throws(DERError) -> Bool {
    let content = try read(.boolean)
    guard content.count == 1, octets[content.lowerBound] == 0 || octets[content.lowerBound] == 0xFF else {
      throw DERError(.badContent(.boolean), offset: content.lowerBound)
    }
    return octets[content.lowerBound] != 0
  }

  /// The content octets of an INTEGER of at least one octet.
  public mutating func readIntegerOctets() throws(DERError) -> Range<Int> {
    let content = try read(.integer)
    guard !content.isEmpty else { throw DERError(.badContent(.integer), offset: content.lowerBound) }
    return content
  }

  /// An ENUMERATED of one octet, 0 to 127: all that OCSP and CRLs use.
  public mutating func readSmallEnumerated() throws(DERError) -> UInt8 {
    let content = try read(.enumerated)
    guard content.count == 1, octets[content.lowerBound] < 0x80 else {
      throw DERError(.badContent(.enumerated), offset: content.lowerBound)
    }
    return octets[content.lowerBound]
  }

  /// The octets of a BIT STRING that has no unused bits, as signatures are.
  public mutating func readWholeBitString() throws(DERError) -> Range<Int> {
    let content = try read(.bitString)
    guard !content.isEmpty, octets[content.lowerBound] == 0 else {
      throw DERError(.badContent(.bitString), offset: content.lowerBound)
    }
    return content.lowerBound + 1..<content.upperBound
  }
}
