import CalendarTime

/// One shard of the answer cache: an index over a ring of records.
///
/// Records are written one after the other around a ring of memory. Where the ring is full, the oldest record makes
/// room: a dead one (replaced or dropped) is passed over; a live one is moved to the front if the shard has room
/// enough or the record was read since it last moved, else it is evicted. So nothing is ever fragmented, and a shard
/// whose answers fit its budget evicts none of them.
@safe
struct AnswerCacheShard: ~Copyable {
  private(set) var entryCount = 0
  private(set) var liveBytes = 0
  private(set) var evictions: UInt64 = 0
  private(set) var refusedAsOlder: UInt64 = 0
  private var newestFence = Revision.zero

  let capacityBytes: Int
  private let largestRecord: Int
  private let ring: UnsafeMutableRawPointer
  /// Offsets run on for ever; the place in the ring is the offset modulo the capacity.
  private var head: UInt64 = 0
  private var tail: UInt64 = 0
  private var index: AnswerCacheIndex

  init(budgetBytes: Int) {
    index = AnswerCacheIndex(budgetBytes: budgetBytes)
    capacityBytes = min(max(16 << 10, budgetBytes - index.bytes), 16 << 30) & ~7
    largestRecord = min(capacityBytes / 8, 8 << 10) & ~7
    unsafe ring = .allocate(byteCount: capacityBytes, alignment: 8)
  }

  deinit {
    unsafe ring.deallocate()
  }

  // MARK: - What the cache asks

  mutating func copy(
    _ key: ResponseKey, hash: UInt64, now: UnixTime, into output: inout MutableSpan<UInt8>
  ) -> AnswerHead? {
    guard let place = place(of: key, hash: hash) else { return nil }
    let header = unsafe self.header(at: place)
    let count = unsafe Int(header.pointee.prefixCount)
    guard unsafe header.pointee.times.isValid(at: now), count <= output.count else { return nil }
    unsafe header.pointee.wasRead = true
    let source = unsafe UnsafeRawBufferPointer(start: ring + place + MemoryLayout<RecordHeader>.size, count: count)
    unsafe output.withUnsafeMutableBytes { unsafe $0.copyMemory(from: source) }
    return unsafe AnswerHead(
      times: header.pointee.times, digest: header.pointee.digest, prefixCount: count,
      credential: header.pointee.credential)
  }

  /// Octets and revision of one moment, in an array of just their size: thousands may wait to be sent.
  mutating func answer(_ key: ResponseKey, hash: UInt64, now: UnixTime) -> Answer? {
    guard let place = place(of: key, hash: hash) else { return nil }
    let header = unsafe self.header(at: place)
    guard unsafe header.pointee.times.isValid(at: now) else { return nil }
    unsafe header.pointee.wasRead = true
    let prefix = unsafe UnsafeRawBufferPointer(
      start: ring + place + MemoryLayout<RecordHeader>.size, count: Int(header.pointee.prefixCount))
    return unsafe Answer(
      key: key, revision: header.pointee.revision, times: header.pointee.times, digest: header.pointee.digest,
      prefix: [UInt8](prefix), credential: header.pointee.credential, isForUnissued: false)
  }

  func peek(_ key: ResponseKey, hash: UInt64) -> HeldAnswer? {
    guard let place = place(of: key, hash: hash) else { return nil }
    let header = unsafe self.header(at: place)
    return unsafe HeldAnswer(
      revision: header.pointee.revision, times: header.pointee.times, credential: header.pointee.credential)
  }

  mutating func fence(_ key: ResponseKey, hash: UInt64, revision: Revision) -> Bool {
    newestFence = max(newestFence, revision)
    guard let place = place(of: key, hash: hash), unsafe header(at: place).pointee.revision < revision else {
      return false
    }
    drop(place)
    return true
  }

  func isCurrent(asOf: Revision) -> Bool {
    asOf >= newestFence
  }

  mutating func publish(_ answer: Answer, hash: UInt64, asOf: Revision, now: UnixTime) -> AnswerCache.Publication {
    if asOf < newestFence { return .readStatusAgain }
    let size = (MemoryLayout<RecordHeader>.size + answer.prefix.count + 7) & ~7
    guard size <= largestRecord else { return .notKept }
    if let held = place(of: answer.key, hash: hash) {
      let header = unsafe self.header(at: held)
      let (revision, times) = unsafe (header.pointee.revision, header.pointee.times)
      // One from a clock that was ahead gives way: else it would stand in the way of every honest one.
      let isLater = answer.times.producedAt >= times.producedAt || times.isFromTheFuture(at: now)
      if answer.revision < revision || (answer.revision == revision && !isLater) {
        refusedAsOlder += 1
        return .superseded
      }
      drop(held)
    }
    append(answer, hash: hash, size: size)
    return .stored
  }

  mutating func drop(_ key: ResponseKey, hash: UInt64, digest: ResponseDigest) {
    guard let place = place(of: key, hash: hash), unsafe header(at: place).pointee.digest == digest else { return }
    drop(place)
  }

  mutating func drop(_ key: ResponseKey, hash: UInt64, before revision: Revision) {
    guard let place = place(of: key, hash: hash), unsafe header(at: place).pointee.revision < revision else { return }
    drop(place)
  }

  mutating func dropAll() {
    while tail < head {
      let place = Int(tail % UInt64(capacityBytes))
      let size = unsafe (ring + place).load(as: UInt32.self)
      if unsafe (ring + place).load(fromByteOffset: 4, as: UInt32.self) == Kind.live { drop(place) }
      tail += UInt64(size)
    }
  }

  // MARK: - Records

  /// Every stretch of the ring begins with its size and what it is; fillers have nothing more.
  private struct RecordHeader {
    var size: UInt32
    var kind: UInt32
    var hash: UInt64
    var key: ResponseKey
    var revision: Revision
    var times: AnswerTimes
    var digest: ResponseDigest
    var credential: CredentialIndex
    /// A record has at most `largestRecord` octets.
    var prefixCount: UInt16
    var wasRead: Bool
  }

  private enum Kind {
    static let filler: UInt32 = 0
    static let dead: UInt32 = 1
    static let live: UInt32 = 2
  }

  private func header(at place: Int) -> UnsafeMutablePointer<RecordHeader> {
    unsafe (ring + place).assumingMemoryBound(to: RecordHeader.self)
  }

  private func place(of key: ResponseKey, hash: UInt64) -> Int? {
    var slot = index.first(hash)
    while let place = index.nextPlace(hash, &slot) {
      let header = unsafe self.header(at: place)
      if unsafe header.pointee.hash == hash, unsafe header.pointee.key == key { return place }
    }
    return nil
  }

  private mutating func drop(_ place: Int) {
    let header = unsafe self.header(at: place)
    unsafe header.pointee.kind = Kind.dead
    let base = unsafe ring
    unsafe index.remove(header.pointee.hash, place: place) { other in
      unsafe (base + other).assumingMemoryBound(to: RecordHeader.self).pointee.hash
    }
    entryCount -= 1
    liveBytes -= unsafe Int(header.pointee.size)
  }

  private mutating func append(_ answer: Answer, hash: UInt64, size: Int) {
    let place = reserve(size)
    unsafe header(at: place).initialize(
      to: RecordHeader(
        size: UInt32(size), kind: Kind.live, hash: hash, key: answer.key, revision: answer.revision,
        times: answer.times, digest: answer.digest, credential: answer.credential,
        prefixCount: UInt16(answer.prefix.count), wasRead: false))
    let body = unsafe ring + place + MemoryLayout<RecordHeader>.size
    unsafe answer.prefix.withUnsafeBytes { source in
      if let start = source.baseAddress { unsafe body.copyMemory(from: start, byteCount: source.count) }
    }
    index.insert(hash, place: place)
    entryCount += 1
    liveBytes += size
  }

  // MARK: - The ring

  private var headPlace: Int { Int(head % UInt64(capacityBytes)) }
  private var freeBytes: Int { capacityBytes - Int(head - tail) }

  /// Room for a record at the head. One largest record always stays free, so that a live record at the tail can be
  /// moved to the front whatever lies there.
  private mutating func reserve(_ size: Int) -> Int {
    while freeBytes < lapRest(size) + size + largestRecord { reclaimOldest() }
    writeFiller(lapRest(size))
    let place = headPlace
    head += UInt64(size)
    return place
  }

  /// Records never wrap: what is left of the lap where `size` octets do not fit, else 0.
  private func lapRest(_ size: Int) -> Int {
    let left = capacityBytes - headPlace
    return left < size ? left : 0
  }

  private mutating func writeFiller(_ size: Int) {
    guard size > 0 else { return }
    let place = headPlace
    unsafe (ring + place).storeBytes(of: UInt32(size), as: UInt32.self)
    unsafe (ring + place).storeBytes(of: Kind.filler, toByteOffset: 4, as: UInt32.self)
    head += UInt64(size)
  }

  private mutating func reclaimOldest() {
    let place = Int(tail % UInt64(capacityBytes))
    let size = unsafe Int((ring + place).load(as: UInt32.self))
    let kind = unsafe (ring + place).load(fromByteOffset: 4, as: UInt32.self)
    guard kind == Kind.live else {
      tail += UInt64(size)
      return
    }
    let header = unsafe self.header(at: place)
    // With this much dead or free, a whole lap of moves surely finds room: the loop in `reserve` ends.
    let hasRoom = liveBytes + capacityBytes / 5 + 4 * largestRecord <= capacityBytes
    guard unsafe hasRoom || header.pointee.wasRead else {
      drop(place)
      evictions += 1
      tail += UInt64(size)
      return
    }
    tail += UInt64(size)
    moveToFront(place, size: size)
  }

  private mutating func moveToFront(_ place: Int, size: Int) {
    writeFiller(lapRest(size))
    let target = headPlace
    let hash = unsafe header(at: place).pointee.hash
    unsafe (ring + target).copyMemory(from: ring + place, byteCount: size)
    unsafe header(at: target).pointee.wasRead = false
    index.move(hash, from: place, to: target)
    head += UInt64(size)
  }
}
