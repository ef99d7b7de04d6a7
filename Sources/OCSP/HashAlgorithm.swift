/// The hash functions a CertID may be made with (RFC 6960 4.1.1, RFC 9919 3.1.1).
///
/// The raw value is stored in databases and shared caches: never renumber.
public enum HashAlgorithm: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
  case sha1 = 1
  case sha256 = 2
  case sha384 = 3
  case sha512 = 4

  /// Octets of a digest.
  public var digestCount: Int {
    switch self {
    case .sha1: 20
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  /// `sha256`: as the command line and the configuration write it.
  public var name: String {
    switch self {
    case .sha1: "sha1"
    case .sha256: "sha256"
    case .sha384: "sha384"
    case .sha512: "sha512"
    }
  }

  /// The algorithm of that name, with or without a hyphen, in either case.
  public init?(name: String) {
    let wanted = name.lowercased().filter { $0 != "-" }
    guard let found = HashAlgorithm.allCases.first(where: { $0.name == wanted }) else { return nil }
    self = found
  }

  /// The content octets of the algorithm's OBJECT IDENTIFIER (RFC 3279 2.2.1, RFC 5754 2).
  public var objectIdentifier: [UInt8] {
    switch self {
    case .sha1: [0x2B, 0x0E, 0x03, 0x02, 0x1A]
    case .sha256: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]
    case .sha384: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02]
    case .sha512: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03]
    }
  }
}
