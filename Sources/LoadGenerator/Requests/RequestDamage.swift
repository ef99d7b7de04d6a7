import HTTP1

/// How a request is damaged on purpose. A responder should say `malformedRequest`, or HTTP 400.
enum RequestDamage: UInt8, Sendable, Hashable, CaseIterable {
  /// The DER ends before the length that it states.
  case truncated
  /// The outermost element is a SET.
  case wrongOuterTag
  /// The serial number is an OCTET STRING.
  case wrongSerialTag
  /// The outermost length states more than there is.
  case wrongLength
  /// No DER at all.
  case noise
  /// Signs that no base64 has. GET alone.
  case badBase64

  static func any(isPost: Bool, _ numbers: inout SplitMix) -> RequestDamage {
    // The last one is no damage to a body.
    let cases = isPost ? allCases.count - 1 : allCases.count
    return allCases[Int(numbers.next(below: UInt64(cases)))]
  }

  /// The octets of a request after the damage.
  ///
  /// - Parameters:
  ///   - request: a request without a nonce, whose last element is the serial number.
  ///   - serialOctets: of the serial number.
  func applied(to request: [UInt8], serialOctets: Int) -> [UInt8] {
    var octets = request
    switch self {
    case .truncated: octets.removeLast(octets.count / 3)
    case .wrongOuterTag: octets[0] = 0x31
    case .wrongSerialTag: octets[octets.count - serialOctets - 2] = 0x04
    // Of one octet or the last of several: never 0xFF, for requests are short.
    case .wrongLength: octets[octets[1] < 0x80 ? 1 : 1 + Int(octets[1] & 0x7F)] += 1
    case .noise: octets = octets.enumerated().map { 0x5A ^ $0.element ^ UInt8(truncatingIfNeeded: $0.offset) }
    case .badBase64: break
    }
    return octets
  }

  /// What stands behind the path of a GET after the damage.
  func target(_ request: [UInt8], serialOctets: Int) -> [UInt8] {
    var text = Base64.encodeForTarget(applied(to: request, serialOctets: serialOctets))
    if self == .badBase64 { text[text.count / 2] = 0x21 }
    return text
  }
}
