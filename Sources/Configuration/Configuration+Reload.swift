extension Configuration {
  /// The keys whose values differ between two readings and that only a start can change, for messages.
  public func keysForStart(differingFrom other: Configuration) -> [String] {
    var keys: [String] = []
    if store != other.store { keys.append("store") }
    if listen != other.listen { keys.append("listen") }
    if control != other.control { keys.append("control") }
    if workers != other.workers { keys.append("workers") }
    if signingThreads != other.signingThreads { keys.append("signing.threads") }
    if cacheBytes != other.cacheBytes { keys.append("cache.memory") }
    if limits != other.limits { keys.append("limits") }
    if isEdge != other.isEdge { keys.append("role") }
    if redis != other.redis { keys.append("redis") }
    if events != other.events { keys.append("events") }
    return keys
  }
}
