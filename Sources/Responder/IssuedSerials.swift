public import OCSP
import Synchronization

/// The set of serials that were issued, as 64-bit keyed fingerprints: whether a question is worth a look into the
/// store (invariant 8). About 12 octets a certificate.
///
/// "No" is certain. "Yes" is wrong for about one in 10^12 unissued serials at ten million certificates; the store,
/// which is read before anything is signed, has the last word. Any thread may call anything.
public final class IssuedSerials: Sendable {
  private static let shardCount = 64
  private let shards: [Shard]
  private let seed: UInt64

  /// - Parameter seed: a secret random number, so that clients cannot choose serials that collide.
  public init(seed: UInt64) {
    self.seed = seed
    shards = (0..<IssuedSerials.shardCount).map { _ in Shard() }
  }

  public func insert(issuer: IssuerIndex, serial: SerialNumber) {
    let hash = fingerprint(issuer, serial)
    shards[Int(truncatingIfNeeded: hash >> 58)].table.withLock { $0.insert(hash) }
  }

  public func mayContain(issuer: IssuerIndex, serial: SerialNumber) -> Bool {
    let hash = fingerprint(issuer, serial)
    return shards[Int(truncatingIfNeeded: hash >> 58)].table.withLock { $0.contains(hash) }
  }

  public var count: Int {
    shards.reduce(0) { sum, shard in sum + shard.table.withLock { $0.count } }
  }

  /// Never 0, which marks an empty slot.
  private func fingerprint(_ issuer: IssuerIndex, _ serial: SerialNumber) -> UInt64 {
    ResponseKey(issuer: issuer, hashAlgorithm: .sha1, serial: serial).mixed(seed: seed) | 1
  }

  private final class Shard: Sendable {
    let table = Mutex(FingerprintTable())
  }
}

/// A growing open-addressing set of nonzero 64-bit values that are already well mixed.
private struct FingerprintTable {
  private var slots = [UInt64](repeating: 0, count: 64)
  private(set) var count = 0

  func contains(_ value: UInt64) -> Bool {
    var slot = place(value)
    while slots[slot] != 0 {
      if slots[slot] == value { return true }
      slot = (slot + 1) & (slots.count - 1)
    }
    return false
  }

  mutating func insert(_ value: UInt64) {
    if (count + 1) * 4 > slots.count * 3 { grow() }
    place(inserting: value)
  }

  private mutating func place(inserting value: UInt64) {
    var slot = place(value)
    while slots[slot] != 0 {
      if slots[slot] == value { return }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = value
    count += 1
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    count = 0
    for value in old where value != 0 { place(inserting: value) }
  }

  /// The lowest bit is always set and the highest choose the shard: the ones between are free to use.
  private func place(_ value: UInt64) -> Int {
    Int(truncatingIfNeeded: value >> 1) & (slots.count - 1)
  }
}
