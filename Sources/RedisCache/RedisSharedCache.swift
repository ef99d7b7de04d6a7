public import CalendarTime
public import OCSP
public import RedisClient
public import Responder
import Synchronization

/// The level that nodes share, in Redis: answers under `avouch:r:…`, the news of them in the stream `avouch:updates`, and what
/// an origin vouches for under `avouch:complete:…`.
public final class RedisSharedCache: SharedCache {
  /// What may be chosen.
  public struct Options: Sendable {
    /// For what somebody waits for: looking an answer up.
    public var lookupMilliseconds = 100
    /// For what an origin writes.
    public var writeMilliseconds = 2000
    /// Entries of the stream that are kept, about: who was away for longer begins anew.
    public var streamLength = 20_000
    /// Whether "absent" is to be believed while the origin vouches for it. Not in a cluster, which may lose a node's part
    /// of the answers and not what vouches for them.
    public var trustsCompleteness = true
    /// Whether lookups may be answered by replicas, which know less than the master for a moment.
    public var readsReplicas = false

    public init() {}
  }

  private static let stream = "avouch:updates"
  /// The stream is asked for news at least so often, so that a server that is gone is missed within a second.
  private static let blockMilliseconds = 300
  /// With the answers of 64 changes in each they fit into the longest reply that the client takes: one that is too long ends
  /// the connection, and would again.
  private static let newsAtOnce = 100
  /// Until then an origin has renewed everything that it answers for.
  private static let damagedSeconds = 30 * 86_400
  private static let wants = "avouch:wanted"
  /// Wants that are kept, about: who asked for more is told to come later.
  private static let wantsLength = 10_000

  private let client: RedisClient
  private let options: Options
  private let clock: any Clock
  /// Whether the last write found nothing in its place. Then the next one is tried as SET NX, which costs Redis a sixth of
  /// the script that compares: an empty server is filled so. A wrong guess costs one command more, never the comparison.
  private let expectsNothing = Atomic<Bool>(true)

  /// - Parameter client: started and stopped by its owner.
  public init(_ client: RedisClient, options: Options = Options(), clock: any Clock) {
    self.client = client
    self.options = options
    self.clock = clock
  }

  // MARK: - Answers

  public func fetch(_ key: SharedKey, completion: @escaping @Sendable (Result<SharedLookup, SharedCacheError>) -> Void)
  {
    let command = RedisCommand("GET", "\(key)", keyAt: 1, isReadOnly: true)
    client.perform(command, deadlineMilliseconds: options.lookupMilliseconds) { [self] result in
      switch result {
      // A value of another type is as good as damaged.
      case .failure(let failure) where failure.isWrongType: completion(.success(.held([])))
      case .failure(let failure): completion(.failure(SharedCacheError(failure.description)))
      case .success(let value):
        if let octets = value.octets {
          completion(.success(.held(octets)))
        } else if !options.trustsCompleteness {
          completion(.success(.absent(completeUntil: nil)))
        } else if options.readsReplicas {
          fetchFromMaster(key, completion)
        } else {
          // After the answer was found to be absent: what has been lost before is then known to be.
          fetchCompleteness(key, completion)
        }
      }
    }
  }

  /// A replica may not have got it yet, or may be loading everything anew.
  private func fetchFromMaster(
    _ key: SharedKey, _ completion: @escaping @Sendable (Result<SharedLookup, SharedCacheError>) -> Void
  ) {
    let command = RedisCommand("GET", "\(key)", keyAt: 1)
    client.perform(command, deadlineMilliseconds: options.lookupMilliseconds) { [self] result in
      switch result {
      case .failure(let failure): completion(.failure(SharedCacheError(failure.description)))
      case .success(let value):
        if let octets = value.octets {
          completion(.success(.held(octets)))
        } else {
          fetchCompleteness(key, completion)
        }
      }
    }
  }

  private func fetchCompleteness(
    _ key: SharedKey, _ completion: @escaping @Sendable (Result<SharedLookup, SharedCacheError>) -> Void
  ) {
    let command = RedisCommand("GET", RedisSharedCache.completenessKey(key.issuer), keyAt: 1)
    client.perform(command, deadlineMilliseconds: options.lookupMilliseconds) { result in
      completion(
        result.map { value in
          .absent(completeUntil: RedisSharedCache.completeUntil(value, key.hashAlgorithm))
        }.mapError { SharedCacheError($0.description) })
    }
  }

  public func store(
    _ writes: [SharedFrame],
    completion: @escaping @Sendable (Int, Result<SharedWrite.Outcome, SharedCacheError>) -> Void
  ) {
    guard expectsNothing.load(ordering: .relaxed), !writes.contains(where: \.onlyOver) else {
      return compareAndStore(writes, completion)
    }
    var batch = batch(for: writes)
    var lifetime = Lifetime()
    for write in writes {
      let words: InlineArray<6, [UInt8]> = [
        Words.set, write.key.redisKey, write.octets, Words.px, lifetime.word(write.milliseconds), Words.nx,
      ]
      batch.append(words.span, keyAt: 1)
    }
    client.perform(batch, deadlineMilliseconds: options.writeMilliseconds) { [self] place, result in
      // Something is there, and may be newer.
      if case .success(.null) = result {
        expectsNothing.store(false, ordering: .relaxed)
        compareAndStore(writes[place]) { completion(place, $0) }
      } else {
        completion(place, RedisSharedCache.read(result) { $0 == .simple("OK") ? .written : nil })
      }
    }
  }

  private func compareAndStore(
    _ writes: [SharedFrame],
    _ completion: @escaping @Sendable (Int, Result<SharedWrite.Outcome, SharedCacheError>) -> Void
  ) {
    var batch = batch(for: writes)
    var lifetime = Lifetime()
    for write in writes {
      let words: InlineArray<7, [UInt8]> = [
        RedisScript.nameByDigest, Scripts.store.digest, Words.yes, write.key.redisKey, write.octets,
        lifetime.word(write.milliseconds), write.onlyOver ? Words.yes : Words.no,
      ]
      batch.append(words.span, keyAt: 3)
    }
    client.perform(batch, deadlineMilliseconds: options.writeMilliseconds) { [self] place, result in
      if case .failure(let failure) = result, failure.isUnknownScript {
        compareAndStore(writes[place]) { completion(place, $0) }
      } else {
        completion(place, RedisSharedCache.read(result, outcome))
      }
    }
  }

  /// One alone, with the script itself where the node does not know it.
  private func compareAndStore(
    _ write: SharedFrame, _ completion: @escaping @Sendable (Result<SharedWrite.Outcome, SharedCacheError>) -> Void
  ) {
    var lifetime = Lifetime()
    let command = Scripts.store.command(
      keys: [write.key.redisKey],
      arguments: [write.octets, lifetime.word(write.milliseconds), write.onlyOver ? Words.yes : Words.no])
    client.perform(command, deadlineMilliseconds: options.writeMilliseconds) { [self] result in
      completion(RedisSharedCache.read(result, outcome))
    }
  }

  private func batch(for writes: [SharedFrame]) -> RedisBatch {
    client.batch(
      commands: writes.count, octets: writes.reduce(0) { $0 + $1.octets.count + RedisSharedCache.commandOctets })
  }

  /// What a command has beside the frame, about.
  private static let commandOctets = 192

  private func outcome(_ value: RedisValue) -> SharedWrite.Outcome? {
    switch value.integer {
    case .some(3):
      expectsNothing.store(true, ordering: .relaxed)
      return .written
    case .some(2): return .replaced
    case .some(1): return .written
    case .some(0): return .unchanged
    case .some(-1): return .fenced
    case .some(-2): return .superseded
    case .some(-3): return .absent
    default: return nil
    }
  }

  private enum Words {
    static let set = Array("SET".utf8)
    static let px = Array("PX".utf8)
    static let nx = Array("NX".utf8)
    static let (yes, no): ([UInt8], [UInt8]) = ([0x31], [0x30])
  }

  /// How long answers are kept, as a word: most of those that are written together are kept equally long.
  private struct Lifetime {
    private var last: (milliseconds: Int64, word: [UInt8]) = (-1, [])

    mutating func word(_ milliseconds: Int64) -> [UInt8] {
      if milliseconds != last.milliseconds { last = (milliseconds, Array("\(max(1, milliseconds))".utf8)) }
      return last.word
    }
  }

  public func discard(_ octets: [UInt8], under key: SharedKey) {
    let seconds = Array("\(RedisSharedCache.damagedSeconds)".utf8)
    let command = Scripts.discard.command(
      keys: [key.redisKey], arguments: [octets, SharedAnswer.damaged, seconds])
    // Where it fails the next one who finds them does it.
    client.perform(command, deadlineMilliseconds: options.writeMilliseconds) { _ in }
  }

  // MARK: - Completeness

  private static func completenessKey(_ issuer: SharedIssuerName) -> String { "avouch:complete:\(issuer)" }

  /// The time, and the hashes by name: `1764075600 sha1 sha256`.
  private static func completeUntil(_ value: RedisValue, _ hash: HashAlgorithm) -> UnixTime? {
    guard let words = value.text?.split(separator: " "), let first = words.first, let seconds = Int64(first),
      words.dropFirst().contains(where: { $0 == hash.name })
    else { return nil }
    return UnixTime(seconds: seconds)
  }

  public func setComplete(
    _ issuer: SharedIssuerName, until: UnixTime?, hashes: [HashAlgorithm], isRenewal: Bool,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    guard until != nil else { return writeCompleteness(issuer, nil, hashes, isRenewal, completion) }
    // Only where nothing is thrown away to make room may "absent" mean anything.
    let command = RedisCommand(words: ["INFO", "memory"].map { Array($0.utf8) }, key: nil)
    client.perform(command, deadlineMilliseconds: options.writeMilliseconds) { [self] result in
      switch RedisSharedCache.read(result, { $0.text }) {
      case .failure(let error): completion(.failure(error))
      case .success(let text):
        if let fault = RedisSharedCache.evictionFault(text) {
          // What was said before it was set so does not hold any more.
          writeCompleteness(issuer, nil, hashes, isRenewal) { _ in completion(.failure(SharedCacheError(fault))) }
        } else {
          writeCompleteness(issuer, until, hashes, isRenewal, completion)
        }
      }
    }
  }

  /// Why a server may forget what it has taken, by what it says of its memory; nil where it does not.
  public static func evictionFault(_ info: String) -> String? {
    var fields: [Substring: Substring] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[line.index(after: colon)...]
    }
    let policy = fields["maxmemory_policy"]
    guard policy != "noeviction", fields["maxmemory"] != "0" else { return nil }
    return
      "Redis may throw answers away when its memory is full (maxmemory-policy \(policy ?? "unknown")), so that what is "
      + "absent may have been issued: the origin is asked for each such serial; set maxmemory-policy to noeviction"
  }

  private func writeCompleteness(
    _ issuer: SharedIssuerName, _ until: UnixTime?, _ hashes: [HashAlgorithm], _ isRenewal: Bool,
    _ completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    let key = RedisSharedCache.completenessKey(issuer)
    let left = until.map { $0.seconds(since: clock.now()) } ?? 0
    var command = RedisCommand("DEL", key, keyAt: 1)
    if let until, left > 0 {
      let value = (["\(until.seconds)"] + hashes.map(\.name)).joined(separator: " ")
      let words = ["SET", key, value, "EX", "\(left)"] + (isRenewal ? ["XX"] : [])
      command = RedisCommand(words: words.map { Array($0.utf8) }, key: Array(key.utf8))
    }
    client.perform(command, deadlineMilliseconds: options.writeMilliseconds) { result in
      // Null: it was to be there already, and is not.
      completion(RedisSharedCache.read(result) { $0 != .null })
    }
  }

  // MARK: - News

  public func announce(_ entry: [UInt8], completion: @escaping @Sendable (Result<Void, SharedCacheError>) -> Void) {
    let words = ["XADD", RedisSharedCache.stream, "MAXLEN", "~", "\(options.streamLength)", "*", "e"]
    let command = RedisCommand(words: words.map { Array($0.utf8) } + [entry], key: Array(RedisSharedCache.stream.utf8))
    client.perform(command, deadlineMilliseconds: options.writeMilliseconds) { result in
      completion(RedisSharedCache.read(result) { $0.text == nil ? nil : () })
    }
  }

  public func newestAnnouncement(completion: @escaping @Sendable (Result<[UInt8]?, SharedCacheError>) -> Void) {
    client.perform(StreamReader.newest(RedisSharedCache.stream), deadlineMilliseconds: options.writeMilliseconds) {
      completion(RedisSharedCache.read($0) { value in .some(StreamReader.entries(value).last?.octets) })
    }
  }

  public func follow(_ receiver: any UpdateReceiver) {
    let reader = StreamReader(
      RedisSharedCache.stream, receiver, blockMilliseconds: RedisSharedCache.blockMilliseconds,
      atOnce: RedisSharedCache.newsAtOnce)
    client.listen { reader.next($0) }
  }

  // MARK: - Wants

  public func want(_ key: SharedKey) {
    let words = ["XADD", RedisSharedCache.wants, "MAXLEN", "~", "\(RedisSharedCache.wantsLength)", "*", "k"]
    let command = RedisCommand(
      words: words.map { Array($0.utf8) } + [key.encoded], key: Array(RedisSharedCache.wants.utf8))
    // Where it fails, whoever asked is told to come later.
    client.perform(command, deadlineMilliseconds: options.writeMilliseconds) { _ in }
  }

  public func followWants(_ receiver: any WantReceiver) {
    let reader = StreamReader(
      RedisSharedCache.wants, WantListener(receiver), blockMilliseconds: RedisSharedCache.blockMilliseconds,
      atOnce: RedisSharedCache.newsAtOnce)
    client.listen { reader.next($0) }
  }

  // MARK: - Replies

  static func read<Value>(
    _ result: Result<RedisValue, RedisFailure>, _ body: (RedisValue) -> Value?
  ) -> Result<Value, SharedCacheError> {
    switch result {
    case .failure(let failure): .failure(SharedCacheError(failure.description))
    case .success(let value):
      if let read = body(value) {
        .success(read)
      } else {
        .failure(SharedCacheError("Redis: an unexpected reply: \(value)"))
      }
    }
  }
}

extension RedisFailure {
  fileprivate var isWrongType: Bool {
    if case .serverError(let text) = reason { text.hasPrefix("WRONGTYPE") } else { false }
  }
}
