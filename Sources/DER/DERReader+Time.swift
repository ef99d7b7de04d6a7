public import CalendarTime

extension DERReader {
  /// A UTCTime or GeneralizedTime in the only form that RFC 5280 4.1.2.5 allows: seconds, `Z`, no fraction.
  ///
  /// UTCTime years 50 to 99 are 1950 to 1999 (RFC 5280 4.1.2.5.1).
  public mutating func readTime() throws(DERError) -> UnixTime {
    let element = try readElement()
    switch element.tag {
    case .utcTime: return try time(element, yearDigits: 2)
    case .generalizedTime: return try time(element, yearDigits: 4)
    default: throw DERError(.expected(.generalizedTime), offset: element.start)
    }
  }

  /// A GeneralizedTime, as OCSP wants it everywhere (RFC 6960 4.2.2.1).
  public mutating func readGeneralizedTime() throws(DERError) -> UnixTime {
    guard nextTag == .generalizedTime else { throw DERError(.expected(.generalizedTime), offset: position) }
    return try readTime()
  }

  private func time(_ element: Element, yearDigits: Int) throws(DERError) -> UnixTime {
    let bad = DERError(.badContent(element.tag), offset: element.content.lowerBound)
    guard element.content.count == yearDigits + 11 else { throw bad }
    var fields = DERReader.Digits(reader: self, next: element.content.lowerBound)
    var year = fields.take(yearDigits)
    if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
    let (month, day) = (fields.take(2), fields.take(2))
    let (hour, minute, second) = (fields.take(2), fields.take(2), fields.take(2))
    guard fields.areAllDigits, equals(fields.next..<fields.next + 1, [0x5A]),
      let civil = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    else { throw bad }
    return civil.unixTime
  }

  private struct Digits: ~Escapable {
    let reader: DERReader
    var next: Int
    var areAllDigits = true

    @_lifetime(copy reader)
    init(reader: DERReader, next: Int) {
      self.reader = reader
      self.next = next
    }

    mutating func take(_ count: Int) -> Int {
      var value = 0
      for _ in 0..<count {
        let digit = reader.octet(at: next) &- 0x30
        if digit > 9 { areAllDigits = false }
        value = value * 10 + Int(digit)
        next += 1
      }
      return value
    }
  }
}
