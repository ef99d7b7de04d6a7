public import CalendarTime
import Synchronization

/// An answer as a store has it, but for the signature: enough to rebuild its octets, once it is known what its neighbours
/// look like.
public struct StoredAnswer: Sendable, Hashable {
  public var key: ResponseKey
  public var revision: Revision
  public var times: AnswerTimes
  /// When the certificate was revoked; nil for a good one.
  public var revocationTime: UnixTime?
  /// The first eight octets of the response's SHA-256.
  public var digestPrefix: UInt64

  public init(
    key: ResponseKey, revision: Revision, times: AnswerTimes, revocationTime: UnixTime?, digestPrefix: UInt64
  ) {
    self.key = key
    self.revision = revision
    self.times = times
    self.revocationTime = revocationTime
    self.digestPrefix = digestPrefix
  }
}

/// What stored answers of one kind look like: learnt from one whose octets were rebuilt and compared with their digest.
public struct StoredForm: Sendable, Hashable {
  let template: Int
}

/// Answers from a store are taken unseen, so that a start with millions of them takes seconds, and are looked at before
/// they are given out: the octets are rebuilt, and their digest compared with what the store has of it. What is not the same
/// is dropped, and the question treated as if nothing had been there.
extension AnswerCache {
  /// Gives the SHA-256 of a response from its octets up to the embedded certificates; nil for a credential that nobody
  /// knows. Any thread may call it, and a lock may be held meanwhile.
  public typealias Proof = @Sendable (_ prefix: [UInt8], _ credential: CredentialIndex) -> ResponseDigest?

  /// The form of an answer that was just published; nil where it is kept whole, or another one is held by now. To be given
  /// back with `release`.
  public func form(of answer: Answer) -> StoredForm? {
    guard proof != nil else { return nil }
    let hash = answer.key.mixed(seed: seed)
    return unsafe shards[hash].pointee.withLock { shard in
      guard let place = shard.place(of: answer.key, hash: hash),
        case .compact(let record, _) = shard.record(at: place), record.digest == answer.digest
      else { return nil }
      templates.retain(record.word.template)
      return StoredForm(template: record.word.template)
    }
  }

  public func release(_ form: StoredForm) {
    templates.release(form.template)
  }

  /// Offers an answer that was kept in a store; nil where it is not of that form. Any thread.
  public func publish(
    _ stored: StoredAnswer, signature: Span<UInt8>, form: StoredForm, asOf: Revision, now: UnixTime
  ) -> Publication? {
    var words = InlineArray<128, UInt64>(repeating: 0)
    var span = words.mutableSpan
    return unsafe span.withUnsafeMutableBytes { memory in
      guard let start = memory.baseAddress else { return nil }
      let record = unsafe CompactRecord(start)
      guard let count = templates.take(stored, signature: signature, by: form.template, into: record) else {
        return nil
      }
      let offer = AnswerOffer(
        key: stored.key, revision: stored.revision, times: stored.times, form: .compact(record, count: count))
      return publish(offer, into: shards, asOf: asOf, now: now)
    }
  }

  // MARK: - Looking at them

  /// A head that was copied out, once its octets are known to be right.
  @inline(never)
  func confirm(_ head: AnswerHead, _ key: ResponseKey, hash: UInt64, prefix: Span<UInt8>) -> AnswerHead? {
    let octets = unsafe prefix.withUnsafeBufferPointer { unsafe Array($0) }
    guard let digest = settle(key, hash: hash, head.digest, octets, head.credential) else { return nil }
    var head = head
    head.digest = digest
    head.isConfirmed = true
    return head
  }

  @inline(never)
  func confirm(_ answer: Answer, hash: UInt64) -> Answer? {
    guard let digest = settle(answer.key, hash: hash, answer.digest, answer.prefix, answer.credential) else {
      return nil
    }
    var answer = answer
    answer.digest = digest
    return answer
  }

  private func settle(
    _ key: ResponseKey, hash: UInt64, _ partial: ResponseDigest, _ prefix: [UInt8], _ credential: CredentialIndex
  ) -> ResponseDigest? {
    let digest = proof?(prefix, credential)
    let isRight = digest?.prefixWord == partial.prefixWord
    unsafe shards[hash].pointee.withLock { shard in
      // Another one may have come meanwhile.
      guard let place = shard.place(of: key, hash: hash) else { return }
      let record = shard.record(at: place)
      guard !record.isConfirmed, record.digest == partial, case .compact(let compact, _) = record else { return }
      if isRight, let digest { compact.confirm(digest) } else { shard.drop(place, hash: hash) }
    }
    if !isRight { whenWrong(key.issuer) }
    return isRight ? digest : nil
  }

  /// Where a walk over all answers from a store is.
  public struct ConfirmationCursor: Sendable {
    fileprivate var shard = 0
    fileprivate var offset: UInt64 = 0

    public init() {}
  }

  /// Looks at some of the answers that nobody has looked at yet. A lock is held for some tens of microseconds at most.
  ///
  /// - Returns: how many of them were right; nil at the end of the walk.
  public func confirmSome(_ cursor: inout ConfirmationCursor) -> Int? {
    guard let proof, cursor.shard < shards.count else { return nil }
    let number = cursor.shard
    let start = cursor.offset
    let step = unsafe shards.at(number).pointee.withLock { $0.confirm(from: start, proof) }
    cursor.offset = step.next ?? 0
    if step.next == nil { cursor.shard += 1 }
    for issuer in step.wrong { whenWrong(issuer) }
    return step.confirmed
  }
}

extension AnswerCacheShard {
  /// Records that one step looks at, and those of them that it rebuilds.
  private static let stepCount = 512
  private static let stepConfirmations = 16

  struct ConfirmationStep: Sendable {
    var confirmed = 0
    var wrong: [IssuerIndex] = []
    /// Where the next step begins; nil at the end of the ring.
    var next: UInt64?
  }

  mutating func confirm(from start: UInt64, _ proof: AnswerCache.Proof) -> ConfirmationStep {
    var step = ConfirmationStep()
    var offset = max(start, tail)
    for _ in 0..<AnswerCacheShard.stepCount where step.confirmed + step.wrong.count < AnswerCacheShard.stepConfirmations
    {
      guard offset < head else { return step }
      let place = Int(offset % UInt64(capacityBytes))
      offset += UInt64(count(at: place))
      guard word(at: place).isLive, case .compact(let record, let template) = self.record(at: place),
        !record.word.isConfirmed
      else { continue }
      let answer = unsafe AnswerRecord.compact(record, template)
      if let digest = proof(answer.prefix, answer.credential), digest.prefixWord == record.digestPrefix {
        record.confirm(digest)
        step.confirmed += 1
      } else {
        step.wrong.append(answer.key.issuer)
        drop(place, hash: hash(at: place))
      }
    }
    step.next = offset
    return step
  }
}
