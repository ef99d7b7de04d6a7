/// The index of a cache shard: open addressing with linear probing, fixed in size.
///
/// A slot holds a place in the ring (in units of 8 octets, plus 1; 0 is empty) and 32 bits of the record's hash, so
/// that a probe seldom touches a record that is not the one looked for.
@safe
struct AnswerCacheIndex: ~Copyable {
  private struct Slot {
    var fingerprint: UInt32
    var place: UInt32
  }

  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int

  /// As many slots as records of 128 octets would fit the budget. No record is that small, so a slot is always free.
  init(budgetBytes: Int) {
    var count = 64
    while count * 128 < budgetBytes { count *= 2 }
    mask = count - 1
    unsafe slots = .allocate(capacity: count)
    unsafe slots.initialize(repeating: Slot(fingerprint: 0, place: 0), count: count)
  }

  deinit {
    unsafe slots.deallocate()
  }

  var bytes: Int { (mask + 1) * MemoryLayout<Slot>.stride }

  func first(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash) & mask
  }

  /// The next place from `slot` on whose fingerprint agrees; nil at the end of the probe. Moves `slot` past it.
  func nextPlace(_ hash: UInt64, _ slot: inout Int) -> Int? {
    let fingerprint = AnswerCacheIndex.fingerprint(hash)
    while true {
      let entry = unsafe slots[slot]
      if entry.place == 0 { return nil }
      slot = (slot + 1) & mask
      if entry.fingerprint == fingerprint { return Int(entry.place - 1) * 8 }
    }
  }

  mutating func insert(_ hash: UInt64, place: Int) {
    var slot = first(hash)
    while unsafe slots[slot].place != 0 { slot = (slot + 1) & mask }
    unsafe slots[slot] = Slot(fingerprint: AnswerCacheIndex.fingerprint(hash), place: UInt32(place / 8 + 1))
  }

  mutating func move(_ hash: UInt64, from place: Int, to target: Int) {
    unsafe slots[slot(hash, place: place)].place = UInt32(target / 8 + 1)
  }

  /// Removes the entry and closes the gap by shifting later entries of the probe back, so that no tombstones gather.
  ///
  /// - Parameter hashOf: the hash of the record at another place.
  mutating func remove(_ hash: UInt64, place: Int, hashOf: (Int) -> UInt64) {
    var gap = slot(hash, place: place)
    var next = (gap + 1) & mask
    while true {
      let entry = unsafe slots[next]
      if entry.place == 0 { break }
      let home = first(hashOf(Int(entry.place - 1) * 8))
      // The entry may move into the gap unless its home lies cyclically after the gap.
      if (next - home) & mask >= (next - gap) & mask {
        unsafe slots[gap] = entry
        gap = next
      }
      next = (next + 1) & mask
    }
    unsafe slots[gap] = Slot(fingerprint: 0, place: 0)
  }

  private func slot(_ hash: UInt64, place: Int) -> Int {
    var slot = first(hash)
    let wanted = UInt32(place / 8 + 1)
    while unsafe slots[slot].place != wanted { slot = (slot + 1) & mask }
    return slot
  }

  private static func fingerprint(_ hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash >> 32)
  }
}
