/// What is remembered of a PIN that was refused: enough to know it again, and nothing that outlives the process.
struct PINFingerprint: Hashable, Sendable {
  private let value: UInt64

  // `Hasher` is SipHash, keyed by the process. This key goes in before the PIN, since the standard library's own may be
  // switched off from outside (SWIFT_DETERMINISTIC_HASHING): PINs are few enough to be guessed from an unkeyed hash.
  private static let key = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

  init(_ pin: [UInt8]) {
    var hasher = Hasher()
    hasher.combine(PINFingerprint.key.0)
    hasher.combine(PINFingerprint.key.1)
    hasher.combine(pin)
    value = UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
