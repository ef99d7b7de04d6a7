public import Responder

/// Reads a CA's records from a file, in batches. Used by one thread.
public protocol RecordReader: AnyObject {
  /// The next records; nil at the end. Nothing may be kept of what came before an error.
  func next() throws(RecordError) -> [CertificateRecord]?
  /// How much of the file has been read, 0 to 1.
  var progress: Double { get }
}

/// What is wrong in a file of records, and where.
public struct RecordError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Names file and line or octet, what is there and what is expected.
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// The lines of a text file: LF or CRLF, the last one with or without its end.
struct TextLines {
  private let octets: [UInt8]
  private var position = 0
  /// The number of the line that `next` gave last, from 1.
  private(set) var number = 0

  init(_ octets: [UInt8]) {
    self.octets = octets
  }

  var progress: Double { octets.isEmpty ? 1 : Double(position) / Double(octets.count) }

  mutating func next() -> ArraySlice<UInt8>? {
    guard position < octets.count else { return nil }
    number += 1
    let end = octets[position...].firstIndex(of: 0x0A) ?? octets.count
    var line = octets[position..<end]
    position = end + 1
    if line.last == 0x0D { line = line.dropLast() }
    return line
  }

  /// The line of that number, which `next` has given before. Reads from the start of the file.
  func line(_ wanted: Int) -> ArraySlice<UInt8>? {
    var lines = TextLines(octets)
    while let line = lines.next() {
      if lines.number == wanted { return line }
    }
    return nil
  }
}
