import Responder

/// What was asked for within a while. Pure; bounded: over it the first noted are forgotten first.
struct RecentKeys {
  private let limit: Int
  private let nanoseconds: Int64
  private var ends: [ResponseKey: Int64] = [:]
  private var order = Line<ResponseKey>()

  init(limit: Int, nanoseconds: Int64) {
    self.limit = limit
    self.nanoseconds = nanoseconds
  }

  var count: Int { ends.count }

  mutating func note(_ key: ResponseKey, now: Int64) {
    if ends.updateValue(now + nanoseconds, forKey: key) == nil { order.append(key) }
    while let oldest = order.next, ends.count > limit || ends[oldest].map({ $0 <= now }) ?? true {
      _ = order.popFirst()
      ends[oldest] = nil
    }
  }

  func contains(_ key: ResponseKey, now: Int64) -> Bool {
    ends[key].map { now < $0 } ?? false
  }
}
