import CPrefetch
public import CalendarTime
import Synchronization

/// L1: the finished answers of this process, within a fixed memory budget.
///
/// All memory is taken at the start. The table is cut into shards, each a mutex, an index and a log of records;
/// a lookup holds one shard's mutex for as long as it takes to copy a few hundred octets, and never across a system
/// call. Any thread may call anything.
///
/// Anybody can invent serials: the answers for those that nobody issued have an eighth of the memory for themselves, 64 MiB
/// at most, so that they push out nothing but each other.
///
/// The cache enforces invariant 1. Each shard has a *fence*: the newest revision of a status change that was applied
/// to it. An answer is stored only if the status it was built from was read from a store that had already seen
/// everything up to the fence; otherwise the writer is told to read the status again.
public final class AnswerCache: Sendable {
  /// What became of an answer that was offered.
  public enum Publication: Sendable, Hashable {
    case stored
    /// A change was applied after the status was read: read it again, and offer an answer built from that.
    case readStatusAgain
    /// The cache has an answer of a newer revision, or of the same revision and a later producedAt.
    case superseded
    /// The answer is larger than the cache takes; it may be sent but not kept.
    case notKept
  }

  /// Numbers for metrics and `avouch status`; summed over the shards.
  public struct Statistics: Sendable, Hashable {
    public var entries = 0
    public var liveBytes = 0
    public var capacityBytes = 0
    /// Octets of answers for issued serials that are held for good, whatever comes and goes; a little less where chance
    /// fills shards unevenly.
    public var lastingBytes = 0
    public var evictions: UInt64 = 0
    public var refusedAsOlder: UInt64 = 0
    /// Answers for unissued serials that made room, for each other alone.
    public var unissuedEvictions: UInt64 = 0
  }

  private static let mostForUnissued = 64 << 20
  let templates: AnswerTemplates
  let shards: Shards
  private let unissued: Shards
  let seed: UInt64
  let proof: Proof?
  let whenWrong: @Sendable (IssuerIndex) -> Void
  /// The newest fence of all shards, or one that is about to be.
  private let newestFence = Atomic<UInt64>(0)
  private let closed = Atomic<Bool>(false)
  private let doubted = Atomic<Bool>(false)
  private let withholding = Atomic<Bool>(false)

  /// - Parameters:
  ///   - budgetBytes: all memory the cache takes, index included; at least 64 KiB is used.
  ///   - seed: a secret random number, so that clients cannot choose serials that collide.
  ///   - proof: for answers from a store; without one none are taken.
  ///   - whenWrong: is told of each answer from a store that was not what had been signed and is gone, before whoever asked
  ///     for it learns that there is none.
  public init(
    budgetBytes: Int, seed: UInt64, proof: Proof? = nil, whenWrong: @escaping @Sendable (IssuerIndex) -> Void = { _ in }
  ) {
    self.seed = seed
    self.proof = proof
    self.whenWrong = whenWrong
    templates = AnswerTemplates(budgetBytes: max(64 << 10, budgetBytes))
    let budget = max(64 << 10, budgetBytes) - templates.budgetBytes
    let unissuedBudget = min(budget / 8, AnswerCache.mostForUnissued)
    shards = Shards(budgetBytes: budget - unissuedBudget, templates, seed: seed)
    unissued = Shards(budgetBytes: unissuedBudget, templates, seed: seed)
  }

  /// Copies the answer's prefix into `output` and returns what else is known of it; nil where there is none, it
  /// would not be valid at `now` (invariant 4), or `output` is too small.
  public func copy(_ key: ResponseKey, now: UnixTime, into output: inout MutableSpan<UInt8>) -> AnswerHead? {
    let hash = key.mixed(seed: seed)
    let found = unsafe shards[hash].pointee.withLock { shard in
      shard.copy(key, hash: hash, now: now, into: &output)
    }
    if let found {
      return found.isConfirmed
        ? found : confirm(found, key, hash: hash, prefix: output.span.extracting(first: found.prefixCount))
    }
    return unsafe unissued[hash].pointee.withLock { shard in
      shard.copy(key, hash: hash, now: now, into: &output)
    }
  }

  /// Offers an answer.
  ///
  /// - Parameters:
  ///   - asOf: the store's revision in the same snapshot in which the answer's status was read.
  ///   - recent: the calling thread's, where it offers many.
  public func publish(
    _ answer: Answer, asOf: Revision, now: UnixTime, recent: RecentTemplates? = nil
  ) -> Publication {
    unsafe withUnsafeTemporaryAllocation(byteCount: AnswerTemplates.largestRecord, alignment: 8) { memory in
      guard let start = memory.baseAddress else { return .notKept }
      let record = unsafe CompactRecord(start)
      var offer = AnswerOffer(key: answer.key, revision: answer.revision, times: answer.times, form: .whole(answer))
      let count = if let recent { recent.take(answer, into: record) } else { templates.take(answer, into: record) }
      if let count { offer.form = .compact(record, count: count) }
      // Not as one expression, which would count a reference that all threads count.
      if answer.isForUnissued { return publish(offer, into: unissued, asOf: asOf, now: now) }
      return publish(offer, into: shards, asOf: asOf, now: now)
    }
  }

  /// For a thread that will offer many answers in a row.
  public func recentTemplates() -> RecentTemplates { RecentTemplates(templates) }

  func publish(_ offer: AnswerOffer, into home: Shards, asOf: Revision, now: UnixTime) -> Publication {
    let hash = offer.key.mixed(seed: seed)
    let publication: Publication = unsafe home[hash].pointee.withLock { shard in
      // Looked at behind the lock: whoever closes takes every lock after it has said so.
      if closed.load(ordering: .acquiring) { return .notKept }
      return shard.publish(offer, hash: hash, asOf: asOf, now: now)
    }
    if publication != .stored, case .compact(let record, _) = offer.form {
      templates.release(record.word.template)
    }
    return publication
  }

  /// Whether what is held may be older than what other nodes know: it has to be compared before it is given out.
  public var isDoubted: Bool { doubted.load(ordering: .relaxed) }
  public func doubt(_ isDoubted: Bool) { doubted.store(isDoubted, ordering: .relaxed) }

  /// Whether some issuer's answers are withheld: whose, its `IssuerProgress` says. False costs one look at a flag that
  /// next to never changes.
  public var withholdsSome: Bool { withholding.load(ordering: .relaxed) }
  public func withholdsSome(_ isSo: Bool) { withholding.store(isSo, ordering: .relaxed) }

  /// From here on nothing is held and nothing is taken, until `open`: somebody else answers for these issuers. Fences stay.
  public func close() {
    closed.store(true, ordering: .releasing)
    dropAll()
  }

  /// Ends `close`.
  public func open() {
    closed.store(false, ordering: .releasing)
  }

  /// Applies a status change: from here on no answer older than `revision` is held or accepted for `key`.
  ///
  /// Returns whether an older answer was dropped.
  @discardableResult
  public func fence(_ key: ResponseKey, revision: Revision) -> Bool {
    let hash = key.mixed(seed: seed)
    // Before the shard's: nobody is told that nothing has changed once this change has been applied.
    newestFence.max(revision.value, ordering: .sequentiallyConsistent)
    var isDropped = false
    for home in [shards, unissued] {
      let wasThere = unsafe home[hash].pointee.withLock { shard in
        shard.fence(key, hash: hash, revision: revision)
      }
      isDropped = isDropped || wasThere
    }
    return isDropped
  }

  /// Asks for the memory with which an answer that is offered will be looked for, so that it comes while that is made.
  public func prefetch(_ key: ResponseKey) {
    shards.prefetch(key.mixed(seed: seed))
  }

  /// Whether a snapshot of the store as of that revision has seen every change applied near `key`: whether "nothing
  /// on record" may still be said from it.
  public func isCurrent(_ key: ResponseKey, asOf: Revision) -> Bool {
    // Mostly nothing at all has changed since, and no shard's lock need be taken.
    if asOf.value >= newestFence.load(ordering: .sequentiallyConsistent) { return true }
    let hash = key.mixed(seed: seed)
    return unsafe shards[hash].pointee.withLock { shard in
      shard.isCurrent(asOf: asOf)
    }
  }

  /// What is known of the answer held for `key`, whether or not it is still valid.
  public func peek(_ key: ResponseKey) -> HeldAnswer? {
    let hash = key.mixed(seed: seed)
    for home in [shards, unissued] {
      let found = unsafe home[hash].pointee.withLock { shard in
        shard.peek(key, hash: hash)
      }
      if let found { return found }
    }
    return nil
  }

  /// The answer held for `key` as a value, if it is valid: for those who do not write it to a socket at once.
  public func answer(_ key: ResponseKey, now: UnixTime) -> Answer? {
    answer(key, hash: key.mixed(seed: seed), now: now)
  }

  /// The same of many keys, whose memory is asked for ahead, so that it comes while others are looked up.
  ///
  /// - Parameter body: gets each key's place and its answer; false where the others are not wanted any more.
  public func answers(_ keys: [ResponseKey], now: UnixTime, _ body: (Int, Answer?) -> Bool) {
    let hashes = keys.map { $0.mixed(seed: seed) }
    for place in keys.indices {
      // Of each the index first, then what that says.
      if place + 16 < keys.count {
        unsafe shards[hashes[place + 16]].pointee.withLock { $0.prefetchIndex(hashes[place + 16]) }
      }
      if place + 8 < keys.count {
        unsafe shards[hashes[place + 8]].pointee.withLock { $0.prefetchRecord(hashes[place + 8]) }
      }
      guard body(place, answer(keys[place], hash: hashes[place], now: now)) else { return }
    }
  }

  private func answer(_ key: ResponseKey, hash: UInt64, now: UnixTime) -> Answer? {
    for home in [shards, unissued] {
      let found = unsafe home[hash].pointee.withLock { shard in
        shard.answer(key, hash: hash, now: now)
      }
      guard let found else { continue }
      return found.isConfirmed ? found.answer : confirm(found.answer, hash: hash)
    }
    return nil
  }

  /// Forgets what is held for `key`, if that is the digest of it: it must not be given out.
  public func drop(_ key: ResponseKey, digest: ResponseDigest) {
    let hash = key.mixed(seed: seed)
    unsafe shards[hash].pointee.withLock { $0.drop(key, hash: hash, digest: digest) }
  }

  /// Forgets what is held for `key`, if it is older than that revision. Unlike a fence it says nothing of other changes.
  public func drop(_ key: ResponseKey, before revision: Revision) {
    let hash = key.mixed(seed: seed)
    unsafe shards[hash].pointee.withLock { $0.drop(key, hash: hash, before: revision) }
  }

  /// Forgets everything that is held; fences stay.
  public func dropAll() {
    for home in [shards, unissued] {
      for index in 0..<home.count { unsafe home.at(index).pointee.withLock { $0.dropAll() } }
    }
  }

  /// Forgets the answers for serials that nobody issued: their policy has changed.
  public func dropUnissued() {
    for index in 0..<unissued.count { unsafe unissued.at(index).pointee.withLock { $0.dropAll() } }
  }

  /// How many templates answers are kept by.
  var templateCount: Int { templates.count }

  public func statistics() -> Statistics {
    var total = Statistics()
    for home in [shards, unissued] {
      for index in 0..<home.count {
        unsafe home.at(index).pointee.withLock { shard in
          total.entries += shard.entryCount
          total.liveBytes += shard.liveBytes
          total.capacityBytes += shard.capacityBytes
          if home === shards { total.lastingBytes += shard.lastingBytes }
          if home === shards { total.evictions += shard.evictions } else { total.unissuedEvictions += shard.evictions }
          total.refusedAsOlder += shard.refusedAsOlder
        }
      }
    }
    return total
  }

  /// The mutexes live at fixed addresses behind a pointer, so that a lookup touches no reference count.
  @safe
  final class Shards: @unchecked Sendable {
    private let base: UnsafeMutablePointer<Mutex<AnswerCacheShard>>
    /// Where each shard's index lies, for who does not take its mutex.
    private let indexes: UnsafeMutablePointer<AnswerCacheIndex.Slots>
    let count: Int

    init(budgetBytes: Int, _ templates: AnswerTemplates, seed: UInt64) {
      var count = 1
      // No more of them than a hash has bits to choose by: 256 GiB.
      while count < 256 ? budgetBytes / (count * 2) >= 256 << 10 : budgetBytes / count > AnswerCacheIndex.mostBytes,
        count < 1 << 16
      {
        count *= 2
      }
      self.count = count
      unsafe base = .allocate(capacity: count)
      unsafe indexes = .allocate(capacity: count)
      for index in 0..<count {
        unsafe (base + index).initialize(
          to: Mutex(AnswerCacheShard(budgetBytes: budgetBytes / count, templates: templates.places, seed: seed)))
        unsafe (indexes + index).initialize(to: base[index].withLock { $0.indexSlots })
      }
    }

    deinit {
      unsafe base.deinitialize(count: count)
      unsafe base.deallocate()
      unsafe indexes.deallocate()
    }

    /// Asks for the memory of a key's shard and of the place in its index.
    func prefetch(_ hash: UInt64) {
      let shard = unsafe self[hash]
      unsafe avouch_prefetch_to_write(shard)
      unsafe avouch_prefetch_to_write(UnsafeRawPointer(shard) + 64)
      unsafe indexes[shard - base].prefetch(hash)
    }

    /// The shard of a key's hash. Its top bits choose, as the index inside the shard uses the low ones.
    subscript(hash: UInt64) -> UnsafeMutablePointer<Mutex<AnswerCacheShard>> {
      unsafe base + Int(truncatingIfNeeded: (hash >> 48) & UInt64(count - 1))
    }

    func at(_ index: Int) -> UnsafeMutablePointer<Mutex<AnswerCacheShard>> {
      unsafe base + index
    }
  }
}
