public import CalendarTime

/// Who claims to be the origin of a fleet.
public struct OriginClaim: Sendable, Hashable {
  /// Of the status store, made once: the same store is the same origin, whatever process serves from it.
  public var storeIdentity: [UInt8]
  /// For people: host and process.
  public var name: String
  /// Of whom at most one lives at a time: what an earlier one of them held, who may have been killed, is not in the way. Empty
  /// for one that is not to be recognised.
  public var process: [UInt8]
  /// The newest revision in its store.
  public var revision: Revision
  /// The token must not be smaller, whatever the shared level remembers: it may have lost its memory.
  public var tokenFloor: FencingToken

  public init(
    storeIdentity: [UInt8], name: String, process: [UInt8] = [], revision: Revision,
    tokenFloor: FencingToken = FencingToken(0)
  ) {
    self.storeIdentity = storeIdentity
    self.name = name
    self.process = process
    self.revision = revision
    self.tokenFloor = tokenFloor
  }
}

/// What became of a claim.
public enum OriginVerdict: Sendable, Hashable {
  /// It is the origin, under this token, until the lease runs out.
  case leads(FencingToken)
  /// Another process is, since then.
  case taken(by: String, since: UnixTime)
  /// The answers that are shared come from another store than this one: it must not take over by itself.
  case otherStore(of: String, since: UnixTime)
  /// The store is older than what has been shared: restored from a copy, perhaps.
  case behind(Revision)
}

/// Where the one origin of a fleet is agreed on: a lease, with a token that grows with every holder.
///
/// Any thread may call; completions as in `SharedCache`.
public protocol OriginRegistry: AnyObject, Sendable {
  /// - Parameters:
  ///   - milliseconds: how long the lease lasts unless it is renewed.
  ///   - takesOver: whether an operator has said that this store replaces the one before.
  func claim(
    _ claim: OriginClaim, milliseconds: Int64, takesOver: Bool, now: UnixTime,
    completion: @escaping @Sendable (Result<OriginVerdict, SharedCacheError>) -> Void)

  /// Makes the lease last so much longer, and says how far the store has come. False where it is another's by now.
  func renew(
    _ token: FencingToken, revision: Revision, milliseconds: Int64,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void)

  /// Gives the lease up, so that a successor need not wait for its end, and says how far the store has come.
  func release(
    _ token: FencingToken, revision: Revision,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void)
}
