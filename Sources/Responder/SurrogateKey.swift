public import OCSP

/// The keys under which caches keep answers together, so that they can be told to forget them by name.
///
/// They are made of letters, digits, `.`, `_` and `-` alone, which every cache takes: Akamai refuses most of the other
/// characters, blanks and commas divide keys. The first letter tells the two forms apart, and a serial has no dash: no
/// two certificates and no certificate and issuer share a key, whatever issuers are called. Cloudflare does not tell
/// capitals from small letters: there, issuers `web` and `Web` are forgotten together.
public enum SurrogateKey {
  /// The octets before the serial's digits.
  public static let certificatePrefix = "c-"

  /// The octets behind the serial's digits.
  public static func certificateSuffix(issuerName: String) -> String { "-" + issuerName }

  /// The key of one certificate's answers, of whatever hash: `c-<SERIAL>-<issuer>`.
  ///
  /// - Parameter serial: in upper-case hexadecimal, as everywhere.
  public static func text(issuerName: String, serial: SerialNumber) -> String {
    certificatePrefix + serial.hexadecimal + certificateSuffix(issuerName: issuerName)
  }

  /// The key of all of an issuer's answers: `i-<issuer>`.
  public static func text(issuerName: String) -> String { "i-" + issuerName }
}

/// A header field that holds surrogate keys.
public enum SurrogateKeyField: String, Sendable, Hashable, CaseIterable {
  /// Fastly's, and that of Varnish's xkey by configuration.
  case surrogateKey = "Surrogate-Key"
  /// Cloudflare's.
  case cacheTag = "Cache-Tag"
  /// Akamai's.
  case edgeCacheTag = "Edge-Cache-Tag"

  /// What stands between two keys.
  public var separator: String { self == .surrogateKey ? " " : "," }
}
