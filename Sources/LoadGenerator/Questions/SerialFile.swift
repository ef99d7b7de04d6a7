import OCSP

/// Reads a file of serials: one hexadecimal number a line, as `openssl x509 -serial` writes it, with or without colons, `0x`
/// and `serial=`; empty lines and what follows a `#` say nothing.
public enum SerialFile {
  /// What is wrong in the file, and where.
  public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
  }

  /// - Parameter name: the file's name, for messages.
  public static func read(
    _ octets: [UInt8], name: String, expectation: SerialList.Expectation
  ) throws(Failure) -> SerialList {
    var list = SerialList()
    var position = 0
    var line = 0
    // The first line is as good a guess as any of what the others will be.
    var isReserved = false
    while position < octets.count {
      line += 1
      let end = octets[position...].firstIndex(of: 0x0A) ?? octets.count
      let text = octets[position..<end]
      let length = end - position + 1
      position = end + 1
      let number = number(in: text)
      guard !number.isEmpty else { continue }
      guard let serial = quickly(number) ?? SerialNumber(hexadecimal: String(decoding: number, as: UTF8.self)) else {
        let shown = String(decoding: number.prefix(60), as: UTF8.self)
        throw Failure(
          description: "\(name), line \(line): '\(shown)' is no serial number; hexadecimal digits of at most "
            + "\(SerialNumber.maximumOctets) octets are expected")
      }
      if !isReserved {
        list = SerialList(longestOctets: serial.count)
        list.reserve(octets.count / length + 1)
        isReserved = true
      }
      list.append(serial, expectation)
    }
    guard list.count > 0 else {
      throw Failure(description: "\(name): no serial is in this file; one a line is expected")
    }
    return list
  }

  /// The line without its comment, blanks and `serial=`.
  private static func number(in line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = line[..<(line.firstIndex(of: 0x23) ?? line.endIndex)]
    text = text.drop { $0 <= 0x20 }
    while let last = text.last, last <= 0x20 { text = text.dropLast() }
    return text.starts(with: "serial=".utf8) ? text.dropFirst(7) : text
  }

  /// Plain digits of whole octets that need neither a sign octet nor have one too many: nearly all lines. Ten million go by here.
  private static func quickly(_ digits: ArraySlice<UInt8>) -> SerialNumber? {
    guard digits.count % 2 == 0, (2...2 * SerialNumber.maximumOctets).contains(digits.count) else { return nil }
    var octets = InlineArray<32, UInt8>(repeating: 0)
    var count = 0
    var index = digits.startIndex
    while index < digits.endIndex {
      guard let high = digit(digits[index]), let low = digit(digits[index + 1]) else { return nil }
      octets[count] = high << 4 | low
      count += 1
      index += 2
    }
    guard octets[0] > 0, octets[0] < 0x80 else { return nil }
    return SerialNumber(content: octets.span.extracting(0..<count))
  }

  private static func digit(_ octet: UInt8) -> UInt8? {
    switch octet {
    case 0x30...0x39: octet - 0x30
    case 0x41...0x46: octet - 0x41 + 10
    case 0x61...0x66: octet - 0x61 + 10
    default: nil
    }
  }
}
