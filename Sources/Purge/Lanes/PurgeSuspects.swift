/// Certificates for which a cache that takes nothing was asked. One whose requests it never takes would be the newest after each
/// pause, and keep all others from being purged: after some times in a row it has to step back. Pure, bounded.
struct PurgeSuspects: Sendable {
  private static let timesToStepBack = 3
  private static let maximum = 4096
  private var times: [PurgeLine.Key: Int] = [:]

  /// Gives whether it has to step back.
  mutating func blame(_ key: PurgeLine.Key) -> Bool {
    guard times[key] != nil || times.count < PurgeSuspects.maximum else { return false }
    times[key, default: 0] += 1
    return times[key, default: 0] >= PurgeSuspects.timesToStepBack
  }

  /// The cache has taken it.
  mutating func clear(_ key: PurgeLine.Key) {
    if !times.isEmpty { times[key] = nil }
  }
}
