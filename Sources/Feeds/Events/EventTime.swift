import CalendarTime

/// Times as JSON has them (RFC 3339): with a fraction of a second, which is dropped, or an offset.
enum EventTime {
  /// 1950 to 9999: what certificates can say (RFC 5280 4.1.2.5).
  private static let possible: ClosedRange<Int64> = -631_152_000...253_402_300_799

  static func parse(_ text: String) -> UnixTime? {
    var digits = Substring(text)
    var offset: Int64 = 0
    if digits.hasSuffix("Z") || digits.hasSuffix("z") {
      digits = digits.dropLast()
    } else {
      let zone = digits.suffix(6)
      guard digits.count > 10, let sign = zone.first, sign == "+" || sign == "-", let seconds = offsetSeconds(zone)
      else {
        return nil
      }
      offset = sign == "+" ? seconds : -seconds
      digits = digits.dropLast(6)
    }
    if let point = digits.firstIndex(of: ".") {
      let fraction = digits[digits.index(after: point)...]
      guard (1...9).contains(fraction.utf8.count), fraction.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        return nil
      }
      digits = digits[..<point]
    }
    guard digits.utf8.count == 19 else { return nil }
    guard let time = UnixTime(iso8601: digits + "Z")?.advanced(bySeconds: -offset) else { return nil }
    // An offset may lead out of the years that a date can have.
    return possible.contains(time.seconds) ? time : nil
  }

  /// `+02:00`.
  private static func offsetSeconds(_ zone: Substring) -> Int64? {
    let octets = Array(zone.utf8)
    guard octets.count == 6, octets[3] == UInt8(ascii: ":"),
      [1, 2, 4, 5].allSatisfy({ (0x30...0x39).contains(octets[$0]) })
    else { return nil }
    guard let hours = Int64(String(decoding: octets[1...2], as: UTF8.self)), (0...23).contains(hours),
      let minutes = Int64(String(decoding: octets[4...5], as: UTF8.self)), (0...59).contains(minutes)
    else { return nil }
    return hours * 3600 + minutes * 60
  }
}
