/// Base64 that is expected behind the first sixteen characters of many targets, and what it stands for: comparing it costs less than
/// decoding it.
///
/// A shorter way to the same octets: what is not known is decoded. Made once and never changed.
@safe
public final class KnownBase64: @unchecked Sendable {
  // Unchecked for its pointers alone: what they lead to is written by `init`, before anybody else can see the object.
  private struct Slot {
    /// Eight characters of the text, by which it is found.
    var word: UInt64 = 0
    /// Where the text stands in `memory`, and behind it the octets; negative for an empty slot.
    var start: Int32 = -1
    var textCount: Int32 = 0
    var octetCount: Int32 = 0
  }

  /// Groups of four characters that are decoded, since the lengths of what follows stand there.
  static let firstGroups = 4
  /// Where a text's word stands in it.
  private static let wordStart = 24
  private static let shortest = 32
  private let slots: UnsafeMutablePointer<Slot>
  private let slotCount: Int
  private let memory: UnsafeMutableRawPointer

  /// - Parameter known: strings of octets, of which as many threes are taken as there are; each is known as RFC 6960 A.1 writes
  ///   it, with `+` and `/` percent-coded, and in the plain standard alphabet.
  public init(_ known: [[UInt8]]) {
    var found: [(text: [UInt8], octets: [UInt8])] = []
    for octets in known {
      let whole = Array(octets.prefix(octets.count / 3 * 3))
      let (coded, plain) = (Base64.encodeForTarget(whole), Base64.encode(whole))
      guard plain.count >= KnownBase64.shortest else { continue }
      found.append((plain, whole))
      if coded != plain { found.append((coded, whole)) }
    }
    var count = 16
    while count < found.count * 2 { count *= 2 }
    slotCount = count
    unsafe slots = .allocate(capacity: count)
    unsafe slots.initialize(repeating: Slot(), count: count)
    unsafe memory = .allocate(byteCount: max(8, found.reduce(0) { $0 + $1.text.count + $1.octets.count }), alignment: 8)
    var end = 0
    for entry in found {
      unsafe (memory + end).copyMemory(from: entry.text, byteCount: entry.text.count)
      unsafe (memory + end + entry.text.count).copyMemory(from: entry.octets, byteCount: entry.octets.count)
      let word = unsafe (memory + end + KnownBase64.wordStart).loadUnaligned(as: UInt64.self)
      var place = home(word)
      while unsafe slots[place].start >= 0 { place = (place + 1) & (slotCount - 1) }
      unsafe slots[place] = Slot(
        word: word, start: Int32(end), textCount: Int32(entry.text.count), octetCount: Int32(entry.octets.count))
      end += entry.text.count + entry.octets.count
    }
  }

  deinit {
    unsafe slots.deallocate()
    unsafe memory.deallocate()
  }

  /// Whether a text of so many characters may begin with the first groups and a known text.
  func mayBegin(_ count: Int, room: Int) -> Bool {
    count >= 4 * KnownBase64.firstGroups + KnownBase64.shortest && room > 3 * KnownBase64.firstGroups
  }

  /// Writes the octets of the known text that `source` begins with, and moves both behind it; does nothing where none is known.
  @inline(__always)
  func decode(
    _ source: inout UnsafeRawPointer, _ sourceEnd: UnsafeRawPointer, _ target: inout UnsafeMutableRawPointer,
    _ targetEnd: UnsafeMutableRawPointer
  ) {
    guard let slot = unsafe find(source, count: sourceEnd - source) else { return }
    let (textCount, octetCount) = unsafe (Int(slot.pointee.textCount), Int(slot.pointee.octetCount))
    guard unsafe octetCount <= targetEnd - target else { return }
    unsafe target.copyMemory(from: memory + Int(slot.pointee.start) + textCount, byteCount: octetCount)
    unsafe source += textCount
    unsafe target += octetCount
  }

  /// - Parameter count: characters, of which there are enough for a word.
  @inline(__always)
  private func find(_ text: UnsafeRawPointer, count: Int) -> UnsafeMutablePointer<Slot>? {
    let word = unsafe (text + KnownBase64.wordStart).loadUnaligned(as: UInt64.self)
    var place = home(word)
    while true {
      let slot = unsafe slots + place
      guard unsafe slot.pointee.start >= 0 else { return nil }
      let size = unsafe Int(slot.pointee.textCount)
      if unsafe slot.pointee.word == word, size <= count,
        unsafe KnownBase64.areEqual(memory + Int(slot.pointee.start), text, size)
      {
        return unsafe slot
      }
      place = (place + 1) & (slotCount - 1)
    }
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

  /// The characters are those of a digest; which slots are filled is the configuration's doing.
  private func home(_ word: UInt64) -> Int {
    Int(truncatingIfNeeded: (word &* 0x9E37_79B9_7F4A_7C15) >> 40) & (slotCount - 1)
  }
}
