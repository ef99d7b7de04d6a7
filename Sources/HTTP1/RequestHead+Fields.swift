extension RequestHead {
  /// What a request has of one header field.
  public enum FieldValue: Sendable, Hashable {
    case absent
    /// Its value, without the white space around it.
    case one(Range<Int>)
    /// The field stands on several lines.
    case several
  }

  /// Looks for a header field that the parser knows nothing of: for handlers of few requests, since it reads the head again.
  ///
  /// - Parameters:
  ///   - name: in lower case.
  ///   - octets: what the head's ranges point into.
  public func field(_ name: StaticString, in octets: Span<UInt8>) -> FieldValue {
    var found = FieldValue.absent
    var index = target.upperBound
    // The rest of the request line.
    while index < octets.count, octets[index] != 0x0A { index += 1 }
    index += 1
    while index < octets.count {
      let start = index
      while index < octets.count, octets[index] != 0x0A { index += 1 }
      let end = index > start && octets[index - 1] == 0x0D ? index - 1 : index
      index += 1
      guard start < end else { return found }
      var colon = start
      while colon < end, octets[colon] != 0x3A { colon += 1 }
      guard colon < end, HeaderFields.equals(octets, start..<colon, lowercased: name) else { continue }
      guard found == .absent else { return .several }
      found = .one(HeaderFields.trimmed(octets, colon + 1..<end))
    }
    return found
  }
}
