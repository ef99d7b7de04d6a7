import CPrefetch
import CalendarTime
import Synchronization

/// One shard of the answer cache: an index over a ring of records.
///
/// Records are written one after the other around a ring of memory. Where the ring is full, the oldest record makes
/// room: a dead one (replaced or dropped) is passed over; a live one is moved to the front if the shard has room
/// enough or the record was read since it last moved, else it is evicted. So nothing is ever fragmented, and a shard
/// whose answers take no more than `lastingBytes` evicts none of them. An answer that takes just as many octets as the one
/// before it is written over it.
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
  private(set) var head: UInt64 = 0
  private(set) var tail: UInt64 = 0
  private var index: AnswerCacheIndex
  /// Where the cache's templates are, by their numbers.
  private let templates: UnsafeMutablePointer<UnsafeMutablePointer<AnswerTemplate>?>
  private let seed: UInt64

  /// A shard with no more live octets than these evicts none of them.
  var lastingBytes: Int { capacityBytes - capacityBytes / 20 - 4 * largestRecord }

  /// - Parameters:
  ///   - templates: `AnswerTemplates.places`, which outlive the shard.
  ///   - seed: of the keys' hashes.
  init(
    budgetBytes: Int, templates: UnsafeMutablePointer<UnsafeMutablePointer<AnswerTemplate>?>, seed: UInt64
  ) {
    capacityBytes = AnswerCacheIndex.ringBytes(budgetBytes: budgetBytes)
    index = AnswerCacheIndex(ringBytes: capacityBytes)
    largestRecord = min(capacityBytes / 8, 8 << 10) & ~3
    unsafe ring = .allocate(byteCount: capacityBytes, alignment: 8)
    unsafe self.templates = unsafe templates
    self.seed = seed
  }

  deinit {
    unsafe ring.deallocate()
  }

  // MARK: - What the cache asks

  func copy(
    _ key: ResponseKey, hash: UInt64, now: UnixTime, into output: inout MutableSpan<UInt8>
  ) -> AnswerHead? {
    guard let place = place(of: key, hash: hash) else { return nil }
    let record = record(at: place)
    let (times, count) = (record.times, record.prefixCount)
    guard times.isValid(at: now), count <= output.count else { return nil }
    record.setRead(true)
    unsafe output.withUnsafeMutableBufferPointer { target in
      if let start = target.baseAddress { unsafe record.copyPrefix(to: start) }
    }
    return AnswerHead(
      times: times, digest: record.digest, prefixCount: count, credential: record.credential,
      isConfirmed: record.isConfirmed)
  }

  /// Octets and revision of one moment, in an array of just their size: thousands may wait to be sent.
  func answer(_ key: ResponseKey, hash: UInt64, now: UnixTime) -> (answer: Answer, isConfirmed: Bool)? {
    guard let place = place(of: key, hash: hash) else { return nil }
    let record = record(at: place)
    guard record.times.isValid(at: now) else { return nil }
    record.setRead(true)
    let answer = Answer(
      key: key, revision: record.revision, times: record.times, digest: record.digest, prefix: record.prefix,
      credential: record.credential, isForUnissued: false)
    return (answer, record.isConfirmed)
  }

  /// Asks for the memory of the record, or records, that may be the one of a hash.
  func prefetchRecord(_ hash: UInt64) {
    var slot = index.first(hash)
    while let place = index.nextPlace(hash, &slot) {
      // Two lines: a record has 128 octets at the least.
      unsafe avouch_prefetch(ring + place)
      unsafe avouch_prefetch(ring + place + 64)
    }
  }

  var indexSlots: AnswerCacheIndex.Slots { index.places }

  /// Asks for the memory of the index in which a hash is looked up.
  func prefetchIndex(_ hash: UInt64) { index.places.prefetch(hash) }

  func peek(_ key: ResponseKey, hash: UInt64) -> HeldAnswer? {
    guard let place = place(of: key, hash: hash) else { return nil }
    let record = record(at: place)
    return HeldAnswer(revision: record.revision, times: record.times, credential: record.credential)
  }

  mutating func fence(_ key: ResponseKey, hash: UInt64, revision: Revision) -> Bool {
    newestFence = max(newestFence, revision)
    guard let place = place(of: key, hash: hash), record(at: place).revision < revision else { return false }
    drop(place, hash: hash)
    return true
  }

  func isCurrent(asOf: Revision) -> Bool {
    asOf >= newestFence
  }

  /// Takes an answer. The use of a template counts as the record's only where it is stored.
  mutating func publish(
    _ offer: AnswerOffer, hash: UInt64, asOf: Revision, now: UnixTime
  ) -> AnswerCache.Publication {
    if asOf < newestFence { return .readStatusAgain }
    let size = offer.recordCount
    guard size <= largestRecord else { return .notKept }
    if let place = place(of: offer.key, hash: hash) {
      let held = record(at: place)
      let (revision, times) = (held.revision, held.times)
      // One from a clock that was ahead gives way: else it would stand in the way of every honest one.
      var isLater = offer.times.producedAt >= times.producedAt || times.isFromTheFuture(at: now)
      // One that nobody has looked at is no reason to forget the same one that somebody has.
      if !offer.isConfirmed, held.isConfirmed, offer.times == times { isLater = false }
      if offer.revision < revision || (offer.revision == revision && !isLater) {
        refusedAsOlder += 1
        return .superseded
      }
      if case .compact(let record, _) = offer.form, case .compact(let old, let template) = held, held.count == size {
        // As many octets as before: nothing is left behind, and nothing has to move.
        unsafe template.pointee.uses.subtract(1, ordering: .releasing)
        unsafe old.base.copyMemory(from: record.base, byteCount: size)
        return .stored
      }
      drop(place, hash: hash)
    }
    append(offer, hash: hash, size: size)
    return .stored
  }

  mutating func drop(_ key: ResponseKey, hash: UInt64, digest: ResponseDigest) {
    guard let place = place(of: key, hash: hash), record(at: place).digest == digest else { return }
    drop(place, hash: hash)
  }

  mutating func drop(_ key: ResponseKey, hash: UInt64, before revision: Revision) {
    guard let place = place(of: key, hash: hash), record(at: place).revision < revision else { return }
    drop(place, hash: hash)
  }

  mutating func dropAll() {
    while tail < head {
      let place = Int(tail % UInt64(capacityBytes))
      tail += UInt64(count(at: place))
      if word(at: place).isLive { drop(place, hash: hash(at: place)) }
    }
  }

  // MARK: - Records

  func word(at place: Int) -> RecordWord {
    unsafe RecordWord(rawValue: (ring + place).load(as: UInt32.self))
  }

  /// A live one.
  func record(at place: Int) -> AnswerRecord {
    unsafe AnswerRecord(at: ring + place, templates: templates)
  }

  func count(at place: Int) -> Int {
    let word = word(at: place)
    return word.isLive ? record(at: place).count : word.goneCount
  }

  func hash(at place: Int) -> UInt64 {
    record(at: place).key.mixed(seed: seed)
  }

  func place(of key: ResponseKey, hash: UInt64) -> Int? {
    var slot = index.first(hash)
    while let place = index.nextPlace(hash, &slot) {
      if record(at: place).isOf(key) { return place }
    }
    return nil
  }

  mutating func drop(_ place: Int, hash: UInt64) {
    let record = record(at: place)
    let size = record.count
    let (base, templates, seed) = unsafe (ring, templates, seed)
    index.remove(hash, place: place) { other in
      unsafe AnswerRecord(at: base + other, templates: templates).key.mixed(seed: seed)
    }
    if case .compact(_, let template) = record { unsafe template.pointee.uses.subtract(1, ordering: .releasing) }
    write(.gone(RecordWord.dead, count: size), at: place)
    entryCount -= 1
    liveBytes -= size
  }

  private mutating func append(_ offer: AnswerOffer, hash: UInt64, size: Int) {
    let place = reserve(size)
    switch offer.form {
    case .compact(let record, _): unsafe (ring + place).copyMemory(from: record.base, byteCount: size)
    case .whole(let answer): unsafe WholeRecord(ring + place).write(answer)
    }
    index.insert(hash, place: place)
    entryCount += 1
    liveBytes += size
  }

  // MARK: - The ring

  private var headPlace: Int { Int(head % UInt64(capacityBytes)) }
  private var freeBytes: Int { capacityBytes - Int(head - tail) }

  private func write(_ word: RecordWord, at place: Int) {
    unsafe (ring + place).storeBytes(of: word.rawValue, as: UInt32.self)
  }

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
    write(.gone(RecordWord.filler, count: size), at: headPlace)
    head += UInt64(size)
  }

  private mutating func reclaimOldest() {
    let place = Int(tail % UInt64(capacityBytes))
    let size = count(at: place)
    guard word(at: place).isLive else {
      tail += UInt64(size)
      return
    }
    let hash = hash(at: place)
    // With this much dead or free, a whole lap of moves surely finds room: the loop in `reserve` ends. Twenty octets move
    // for each that is written, at most and on the whole.
    let hasRoom = liveBytes <= lastingBytes
    guard hasRoom || record(at: place).wasRead else {
      drop(place, hash: hash)
      evictions += 1
      tail += UInt64(size)
      return
    }
    tail += UInt64(size)
    moveToFront(place, size: size, hash: hash)
  }

  private mutating func moveToFront(_ place: Int, size: Int, hash: UInt64) {
    writeFiller(lapRest(size))
    let target = headPlace
    unsafe (ring + target).copyMemory(from: ring + place, byteCount: size)
    record(at: target).setRead(false)
    index.move(hash, from: place, to: target)
    head += UInt64(size)
  }
}
