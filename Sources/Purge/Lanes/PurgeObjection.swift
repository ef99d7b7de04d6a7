/// Why a try to purge a certificate has failed.
enum PurgeObjection: Sendable, Hashable {
  /// The cache still had what is not true any more.
  case stale(String)
  /// Nothing has shown that it has not.
  case unproven(String)
  case refused(String)

  var result: PurgeCounters.Result {
    switch self {
    case .stale: .stale
    case .unproven: .unproven
    case .refused: .refused
    }
  }

  var text: String {
    switch self {
    case .stale(let what): "the cache still answered: \(what)"
    case .unproven(let why):
      "the cache has taken the purge, and it could not be looked whether the answer is gone: \(why)"
    case .refused(let why): "the cache does not take the request: \(why)"
    }
  }
}
