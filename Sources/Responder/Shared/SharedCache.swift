public import CalendarTime
public import OCSP

/// Why the shared level did not do what it was asked. Names the node.
public struct SharedCacheError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// What the shared level has under a key.
public enum SharedLookup: Sendable, Hashable {
  /// Octets that ought to be an encoded `SharedAnswer`: to be checked before they are used.
  case held([UInt8])
  /// Nothing. Until that time, if any, everything that is signed ahead for the issuer with the key's hash is there, so that it
  /// means "not issued"; else it means nothing.
  case absent(completeUntil: UnixTime?)
}

/// The level that nodes share (Redis): finished answers under their keys, and a stream of news about them.
///
/// Any thread may call, and nothing blocks: each completion is called exactly once, at the latest after the implementation's
/// own deadline, on a thread of the implementation or at once where it is known that nothing can be done.
public protocol SharedCache: AnyObject, Sendable {
  func fetch(_ key: SharedKey, completion: @escaping @Sendable (Result<SharedLookup, SharedCacheError>) -> Void)

  /// Writes encoded `SharedAnswer`s by the rule of `SharedWrite`.
  ///
  /// - Parameter completion: called once for each write, with its place.
  func store(
    _ writes: [SharedFrame],
    completion: @escaping @Sendable (Int, Result<SharedWrite.Outcome, SharedCacheError>) -> Void)

  /// Puts `SharedAnswer.damaged` in the place of octets that turned out to be no good, if they are still what is there.
  func discard(_ octets: [UInt8], under key: SharedKey)

  /// Says that everything that is signed ahead for an issuer is there until that time; nil takes it back.
  ///
  /// - Parameters:
  ///   - hashes: those whose answers are signed ahead: of others "absent" means nothing.
  ///   - isRenewal: whether it was said before: where the shared level has forgotten it meanwhile, it has forgotten
  ///   more than that, and the completion says `false`.
  func setComplete(
    _ issuer: SharedIssuerName, until: UnixTime?, hashes: [HashAlgorithm], isRenewal: Bool,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void)

  /// Tells the origin that somebody asked for an answer that is not there. Where that is lost, whoever asked asks again.
  func want(_ key: SharedKey)

  /// Has the receiver told of everything that is wanted from now on. Once only.
  func followWants(_ receiver: any WantReceiver)

  /// Adds an encoded `UpdateEntry` to the stream.
  func announce(_ entry: [UInt8], completion: @escaping @Sendable (Result<Void, SharedCacheError>) -> Void)

  /// The newest entry of the stream; nil where there is none.
  func newestAnnouncement(completion: @escaping @Sendable (Result<[UInt8]?, SharedCacheError>) -> Void)

  /// Has the receiver told of everything announced from now on, over interruptions too. Once only.
  func follow(_ receiver: any UpdateReceiver)
}

/// An encoded `SharedAnswer`, and where and how long it is to be kept.
public struct SharedFrame: Sendable {
  public var octets: [UInt8]
  public var key: SharedKey
  public var milliseconds: Int64
  /// Whether it is only to take the place of something that is there.
  public var onlyOver: Bool

  public init(octets: [UInt8], key: SharedKey, milliseconds: Int64, onlyOver: Bool = false) {
    self.octets = octets
    self.key = key
    self.milliseconds = milliseconds
    self.onlyOver = onlyOver
  }
}

/// Who hears what other nodes want. Called by one thread of the shared cache; must not block.
public protocol WantReceiver: AnyObject, Sendable {
  func isWanted(_ keys: [SharedKey])
}

/// Who hears the stream of updates. Called by one thread of the shared cache; must not block.
public protocol UpdateReceiver: AnyObject, Sendable {
  /// Where the stream ends at the time at which listening begins: behind its newest entry, or at its start. Before anything
  /// else; not again after an interruption.
  func begins(after newest: [UInt8]?)
  /// Entries in the order of the stream, as they were announced or damaged.
  func receive(_ entries: [[UInt8]])
  /// The stream can be heard, or cannot any more: why.
  func isHeard(_ isHeard: Bool, why: String?)
}
