public import CalendarTime
public import RedisClient
public import Responder

/// The lease of the one origin, in Redis under `avouch:origin`.
public final class RedisOriginRegistry: OriginRegistry {
  private static let key = Array("avouch:origin".utf8)
  private let client: RedisClient
  private let deadlineMilliseconds: Int

  /// - Parameter client: started and stopped by its owner.
  public init(_ client: RedisClient, deadlineMilliseconds: Int = 1000) {
    self.client = client
    self.deadlineMilliseconds = deadlineMilliseconds
  }

  public func claim(
    _ claim: OriginClaim, milliseconds: Int64, takesOver: Bool, now: UnixTime,
    completion: @escaping @Sendable (Result<OriginVerdict, SharedCacheError>) -> Void
  ) {
    let command = Scripts.claim.command(
      keys: [RedisOriginRegistry.key],
      arguments: [
        claim.storeIdentity, Array(claim.name.utf8), Array("\(claim.revision.value)".utf8),
        Array("\(milliseconds)".utf8), [takesOver ? 0x31 : 0x30], Array("\(now.seconds)".utf8),
        Array("\(claim.tokenFloor.value)".utf8), claim.process,
      ])
    client.perform(command, deadlineMilliseconds: deadlineMilliseconds) { result in
      completion(RedisSharedCache.read(result, RedisOriginRegistry.verdict))
    }
  }

  private static func verdict(_ value: RedisValue) -> OriginVerdict? {
    if case .integer(let token) = value { return UInt64(exactly: token).map { .leads(FencingToken($0)) } }
    guard let parts = value.elements, parts.count == 4, let name = parts[1].text, let since = parts[2].integer else {
      return nil
    }
    return switch parts[0].text {
    case "taken": .taken(by: name, since: UnixTime(seconds: since))
    case "other": .otherStore(of: name, since: UnixTime(seconds: since))
    case "behind": parts[3].text.flatMap { UInt64($0) }.map { .behind(Revision($0)) }
    default: nil
    }
  }

  public func renew(
    _ token: FencingToken, revision: Revision, milliseconds: Int64,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    perform(
      Scripts.renew, ["\(token.value)", "\(revision.value)", "\(milliseconds)"], completion)
  }

  public func release(
    _ token: FencingToken, revision: Revision,
    completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    perform(Scripts.release, ["\(token.value)", "\(revision.value)"], completion)
  }

  private func perform(
    _ script: RedisScript, _ arguments: [String],
    _ completion: @escaping @Sendable (Result<Bool, SharedCacheError>) -> Void
  ) {
    let command = script.command(keys: [RedisOriginRegistry.key], arguments: arguments.map { Array($0.utf8) })
    client.perform(command, deadlineMilliseconds: deadlineMilliseconds) { result in
      completion(RedisSharedCache.read(result) { $0.integer.map { $0 == 1 } })
    }
  }
}
