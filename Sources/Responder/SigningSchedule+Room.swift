/// For which orders there is room.
extension SigningSchedule {
  /// So many questions may wait however slow a place is, as long as their line is no flood.
  public static var leastMisses: Int { FloodWatch.leastInBurst }
  /// Whether an order that comes now may wait. One flow may fill three quarters of a lane: there is always room for another
  /// issuer.
  mutating func admits(_ order: Order, _ group: Int, now: Int64) -> Bool {
    let lane = order.lane.rawValue
    if order.lane == .renewal { return groups[group].renewals.count < limits[lane] }
    let queue = groups[group].urgent[lane]
    guard order.lane == .miss else { return queue.count < limits[lane] }
    let limit = missLimit(group)
    guard queue.count < limit, queue.count(of: order.flow) < max(1, limit * 3 / 4) else { return false }
    return !isFlooded(order.flow, group, now: now)
  }

  private mutating func isFlooded(_ flow: UInt32, _ group: Int, now: Int64) -> Bool {
    guard longestWait < .infinity else { return false }
    let count = groups[group].urgent[Lane.miss.rawValue].count(of: flow)
    guard var watch = groups[group].floods[flow] else {
      groups[group].floods[flow] = FloodWatch(burst: Int64(longestWait * 1e9), lineBegins: now)
      return false
    }
    defer { groups[group].floods[flow] = watch }
    if count == 0 { watch.lineBegins(now) }
    return watch.refuses(inLine: count, now: now)
  }

  private func missLimit(_ group: Int) -> Int {
    let limit = limits[Lane.miss.rawValue]
    guard longestWait < .infinity else { return limit }
    let known = groups[group].places.compactMap { $0 < paces.count ? paces[$0] : nil }
    guard !known.isEmpty else { return limit }
    let pace = known.reduce(0, +)
    return min(limit, max(SigningSchedule.leastMisses, Int(min(pace * longestWait, Double(limit)))))
  }
}
