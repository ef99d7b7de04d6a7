public import OCSP

/// The small number that stands for an issuer inside one running responder.
///
/// It is a place in the issuer table and means nothing outside the process; the store has numbers of its own.
public struct IssuerIndex: Sendable, Hashable, BitwiseCopyable {
  public var value: UInt16

  public init(_ value: UInt16) {
    self.value = value
  }
}

/// The number of a status change. It only grows, and every change in the store has one (invariant 1).
///
/// A response remembers the revision of the row it was built from; wherever responses are kept, one with an older
/// revision than what is there is refused.
public struct Revision: Sendable, Hashable, Comparable, BitwiseCopyable {
  public var value: UInt64

  public init(_ value: UInt64) {
    self.value = value
  }

  public static func < (left: Revision, right: Revision) -> Bool {
    left.value < right.value
  }

  /// Before every change; the revision of a certificate that the store does not have.
  public static let zero = Revision(0)
}

/// What one answer is kept under: issuer, CertID hash algorithm and serial. Never the serial alone, and never
/// without the hash: a SHA-1 answer to a SHA-256 question is one that clients reject.
public struct ResponseKey: Sendable, Hashable, BitwiseCopyable {
  public var issuer: IssuerIndex
  public var hashAlgorithm: HashAlgorithm
  public var serial: SerialNumber

  public init(issuer: IssuerIndex, hashAlgorithm: HashAlgorithm, serial: SerialNumber) {
    self.issuer = issuer
    self.hashAlgorithm = hashAlgorithm
    self.serial = serial
  }

  // In whole words: the standard library's hash function is slow for everything else.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    let words = serial.packedWords
    hasher.combine(words.0)
    hasher.combine(words.1)
    if serial.count > 16 {
      hasher.combine(words.2)
      hasher.combine(words.3)
    }
  }

  /// All but the serial's octets.
  private var kind: UInt64 {
    UInt64(issuer.value) | UInt64(hashAlgorithm.rawValue) << 16 | UInt64(serial.count) << 24
  }

  /// A well-mixed 64-bit hash under a secret `seed`: serials come from clients, who must not be able to choose
  /// which ones collide.
  func mixed(seed: UInt64) -> UInt64 {
    let words = serial.packedWords
    var state = Mixing.fold(seed ^ kind, 0x9E37_79B9_7F4A_7C15)
    // Not the seed itself: a multiplier of few bits, such as 1, would fold every serial into one value.
    state = Mixing.fold(state ^ words.0, (seed ^ 0xA24B_AED4_963E_E407) | 1)
    state = Mixing.fold(state ^ words.1, 0xD6E8_FEB8_6659_FD93)
    if serial.count > 16 {
      state = Mixing.fold(state ^ words.2, 0xA076_1D64_78BD_642F)
      state = Mixing.fold(state ^ words.3, seed ^ 0xE703_7ED1_A0B4_28DB)
    }
    return Mixing.fold(state, 0x8EBC_6AF0_9C88_C6E3 ^ seed)
  }
}

/// The multiply-and-fold step that the tables' hash functions are made of.
enum Mixing {
  @inline(__always)
  static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low ^ left
  }
}
