/// A CRL's place in the sequence of its issuer's lists (RFC 5280 5.2.3): a number of up to 20 octets that only grows.
public struct CRLNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// RFC 5280 5.2.3: at most so many octets.
  public static let maximumOctets = 20

  /// Big-endian, without leading zeros; empty for zero.
  private let octets: [UInt8]

  /// From the content octets of a DER INTEGER; nil for a negative number and for one that is too long.
  public init?(content: some Collection<UInt8>) {
    guard let first = content.first, first < 0x80 else { return nil }
    let digits = content.drop { $0 == 0 }
    guard digits.count <= CRLNumber.maximumOctets else { return nil }
    octets = Array(digits)
  }

  public init(_ value: UInt64) {
    octets = (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }.drop { $0 == 0 }.map(\.self)
  }

  /// The number, or the largest that fits: for metrics.
  public var clamped: UInt64 {
    octets.count > 8 ? .max : octets.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Decimal where it fits 64 bits, else hexadecimal as `openssl crl -crlnumber` prints it.
  public var description: String {
    guard octets.count > 8 else { return "\(clamped)" }
    return "0x" + octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
  }

  public static func < (left: CRLNumber, right: CRLNumber) -> Bool {
    if left.octets.count != right.octets.count { return left.octets.count < right.octets.count }
    return left.octets.lexicographicallyPrecedes(right.octets)
  }
}
