public import OCSP

/// What a load asks: shares of methods and hashes, which serials how often, and what is asked wrongly on purpose.
public struct QuestionMix: Sendable {
  /// Which serials are asked about.
  public enum Distribution: Sendable, Hashable {
    /// Each as often as any other.
    case uniform
    /// A few of them most of the time: the exponent, above 0 to 10.
    case zipf(Double)
    /// One after the other, in the order of the list.
    case sequential
  }

  /// A share of 0 to 1 of everything, in 2^-32.
  public struct Share: Sendable, Hashable {
    let threshold: UInt64

    public static let none = Share(0)
    public static let all = Share(1)

    public init(_ fraction: Double) {
      threshold = UInt64((min(max(fraction, 0), 1) * 0x1p32).rounded())
    }

    /// Whether a number falls into the share.
    func takes(_ number: UInt64) -> Bool { number >> 32 < threshold }
  }

  /// POST requests; the rest are GET.
  public var posts = Share.none
  /// Hashes of the CertID with their shares, which sum up to 1. Not empty.
  public var hashes: [(algorithm: HashAlgorithm, fraction: Double)] = [(.sha1, 1)]
  /// Requests with a nonce of 32 octets.
  public var nonces = Share.none
  public var distribution = Distribution.uniform
  /// Requests about serials that the list does not have: 16 octets by chance.
  public var unknown = Share.none
  /// Requests that are damaged.
  public var malformed = Share.none
  public var seed: UInt64 = 1

  public init() {}
}
