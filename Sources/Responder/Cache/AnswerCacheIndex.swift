import CPrefetch

/// The index of a cache shard: open addressing with linear probing, fixed in size.
///
/// A slot of 32 bits holds a place in the shard's memory (in units of 4 octets, plus 1; 0 is empty) and above it 11 bits
/// of the record's hash, so that a probe seldom touches a record that is not the one looked for.
@safe
struct AnswerCacheIndex: ~Copyable {
  /// Octets of shard memory that places can name.
  static let mostBytes = 4 << 20
  /// One slot for so many octets of a ring: fewer than the smallest record has, so that a slot is always free.
  private static let bytesOfSlot = 96
  private static let placeBits = 21
  private static let placeMask: UInt32 = (1 << 21) - 1

  /// Where the slots are, which does not change: enough to ask for their memory.
  @safe
  struct Slots {
    fileprivate let base: UnsafeMutablePointer<UInt32>
    fileprivate let count: Int

    /// The low half of the hash scaled to the slots: the high half has the shard and the fingerprint.
    func first(_ hash: UInt64) -> Int {
      Int(truncatingIfNeeded: ((hash & 0xFFFF_FFFF) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }

    /// Asks for the memory that a look at a hash will begin with.
    func prefetch(_ hash: UInt64) {
      unsafe avouch_prefetch(base + first(hash))
    }
  }

  private let slots: UnsafeMutablePointer<UInt32>
  private let count: Int

  var places: Slots { unsafe Slots(base: slots, count: count) }

  /// Octets of the ring of a shard that has so many for ring and index.
  static func ringBytes(budgetBytes: Int) -> Int {
    let slotBytes = MemoryLayout<UInt32>.stride
    return min(max(16 << 10, budgetBytes / (bytesOfSlot + slotBytes) * bytesOfSlot), mostBytes) & ~3
  }

  init(ringBytes: Int) {
    count = ringBytes / AnswerCacheIndex.bytesOfSlot + 1
    unsafe slots = .allocate(capacity: count)
    unsafe slots.initialize(repeating: 0, count: count)
  }

  deinit {
    unsafe slots.deallocate()
  }

  /// The slot at which a look at a hash begins.
  func first(_ hash: UInt64) -> Int { places.first(hash) }

  /// The next place from `slot` on whose fingerprint agrees; nil at the end of the probe. Moves `slot` past it.
  func nextPlace(_ hash: UInt64, _ slot: inout Int) -> Int? {
    let fingerprint = AnswerCacheIndex.fingerprint(hash)
    while true {
      let entry = unsafe slots[slot]
      if entry == 0 { return nil }
      slot = next(slot)
      if entry & ~AnswerCacheIndex.placeMask == fingerprint { return AnswerCacheIndex.place(entry) }
    }
  }

  mutating func insert(_ hash: UInt64, place: Int) {
    var slot = first(hash)
    while unsafe slots[slot] != 0 { slot = next(slot) }
    unsafe slots[slot] = AnswerCacheIndex.entry(hash, place)
  }

  mutating func move(_ hash: UInt64, from place: Int, to target: Int) {
    unsafe slots[slot(hash, place: place)] = AnswerCacheIndex.entry(hash, target)
  }

  /// Removes the entry and closes the gap by shifting later entries of the probe back, so that no tombstones gather.
  ///
  /// - Parameter hashOf: the hash of the record at another place.
  mutating func remove(_ hash: UInt64, place: Int, hashOf: (Int) -> UInt64) {
    var gap = slot(hash, place: place)
    var later = next(gap)
    while true {
      let entry = unsafe slots[later]
      if entry == 0 { break }
      let home = first(hashOf(AnswerCacheIndex.place(entry)))
      // The entry may move into the gap unless its home lies cyclically after the gap.
      if distance(home, later) >= distance(gap, later) {
        unsafe slots[gap] = entry
        gap = later
      }
      later = next(later)
    }
    unsafe slots[gap] = 0
  }

  private func slot(_ hash: UInt64, place: Int) -> Int {
    var slot = first(hash)
    let wanted = AnswerCacheIndex.entry(hash, place)
    while unsafe slots[slot] != wanted { slot = next(slot) }
    return slot
  }

  private func next(_ slot: Int) -> Int { slot + 1 == count ? 0 : slot + 1 }

  /// Slots from one to another, going forwards.
  private func distance(_ from: Int, _ to: Int) -> Int { to >= from ? to - from : to - from + count }

  private static func entry(_ hash: UInt64, _ place: Int) -> UInt32 {
    fingerprint(hash) | UInt32(truncatingIfNeeded: place / 4 + 1)
  }

  private static func place(_ entry: UInt32) -> Int { (Int(entry & placeMask) - 1) * 4 }

  private static func fingerprint(_ hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash >> 32) << UInt32(placeBits)
  }
}
