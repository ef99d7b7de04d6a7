/// How many renewals a place may still sign in this moment: a bucket that fills at the allowed rate and holds one second.
struct RenewalBudget {
  private let perSecond: Double
  private var level: Double
  private var filledAt: Int64?

  init(perSecond: Int) {
    self.perSecond = Double(max(1, perSecond))
    level = self.perSecond
  }

  mutating func mayRenew(now: Int64) -> Bool {
    fill(now)
    return level > 0
  }

  /// An order of many signatures may take more than there is; the next one waits until it is paid back.
  mutating func spend(_ count: Int, now: Int64) {
    fill(now)
    level -= Double(count)
  }

  /// The monotonic nanosecond at which there will be something again.
  func renewsAgain(now: Int64) -> Int64 {
    now + Int64((max(0, -level) + 1) / perSecond * 1_000_000_000)
  }

  private mutating func fill(_ now: Int64) {
    let elapsed = Double(max(0, now - (filledAt ?? now))) / 1_000_000_000
    filledAt = now
    level = min(perSecond, level + elapsed * perSecond)
  }
}
