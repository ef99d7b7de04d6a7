extension UnixTime {
  /// `2026-04-04T03:06:40Z`: RFC 3339, whole seconds, UTC. For logs, reports and messages, never for DER.
  public var iso8601: String {
    guard let civil = CivilTime(self) else { return "\(seconds)s since 1970" }
    func pad(_ value: Int, _ width: Int = 2) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(pad(civil.year, 4))-\(pad(civil.month))-\(pad(civil.day))"
      + "T\(pad(civil.hour)):\(pad(civil.minute)):\(pad(civil.second))Z"
  }

  /// Reads `2026-04-04T03:06:40Z`, a blank or `t` for the `T`, or a date alone (its midnight). UTC only: an
  /// offset other than `Z` gives nil, since a silent guess would move a revocation time.
  public init?(iso8601 text: String) {
    let bytes = Array(text.utf8)
    func number(_ from: Int, _ count: Int) -> Int? {
      guard from + count <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[from..<from + count] {
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      return value
    }
    func has(_ character: Character, at index: Int) -> Bool {
      index < bytes.count && bytes[index] == character.asciiValue
    }
    guard let year = number(0, 4), has("-", at: 4), let month = number(5, 2), has("-", at: 7),
      let day = number(8, 2)
    else { return nil }
    if bytes.count == 10 {
      guard let civil = CivilTime(year: year, month: month, day: day) else { return nil }
      self = civil.unixTime
      return
    }
    guard bytes.count == 20, has("T", at: 10) || has("t", at: 10) || has(" ", at: 10), let hour = number(11, 2),
      has(":", at: 13), let minute = number(14, 2), has(":", at: 16), let second = number(17, 2),
      has("Z", at: 19) || has("z", at: 19),
      let civil = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    else { return nil }
    self = civil.unixTime
  }
}
