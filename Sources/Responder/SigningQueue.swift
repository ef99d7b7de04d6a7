/// Jobs for the signers in three lanes. Pure: who waits on it and who locks it is the caller's business.
///
/// A revocation goes before a question that somebody waits for, and that before a planned refresh; each lane is first
/// in, first out, and bounded (invariant 7).
public struct SigningQueue<Job> {
  public enum Lane: Int, Sendable, CaseIterable {
    case revocation = 0
    case miss = 1
    case refresh = 2
  }

  private var lanes: [Ring]
  public private(set) var refusals = 0

  /// - Parameter limits: jobs per lane.
  public init(revocationLimit: Int, missLimit: Int, refreshLimit: Int) {
    lanes = [Ring(limit: revocationLimit), Ring(limit: missLimit), Ring(limit: refreshLimit)]
  }

  /// False where the lane is full: the caller says `tryLater`, or comes again.
  public mutating func push(_ job: Job, lane: Lane) -> Bool {
    let isTaken = lanes[lane.rawValue].push(job)
    if !isTaken { refusals += 1 }
    return isTaken
  }

  public mutating func pop() -> Job? {
    for index in lanes.indices {
      if let job = lanes[index].pop() { return job }
    }
    return nil
  }

  public func depth(_ lane: Lane) -> Int { lanes[lane.rawValue].count }
  public func room(_ lane: Lane) -> Int { lanes[lane.rawValue].limit - lanes[lane.rawValue].count }
  public var isEmpty: Bool { lanes.allSatisfy { $0.count == 0 } }

  private struct Ring {
    let limit: Int
    private var slots: [Job?] = []
    private var head = 0
    private(set) var count = 0

    init(limit: Int) {
      self.limit = limit
    }

    mutating func push(_ job: Job) -> Bool {
      guard count < limit else { return false }
      if count == slots.count { grow() }
      slots[(head + count) % slots.count] = job
      count += 1
      return true
    }

    mutating func pop() -> Job? {
      guard count > 0 else { return nil }
      let job = slots[head]
      slots[head] = nil
      head = (head + 1) % slots.count
      count -= 1
      return job
    }

    private mutating func grow() {
      var larger: [Job?] = []
      larger.reserveCapacity(min(limit, max(16, slots.count * 2)))
      for index in 0..<count { larger.append(slots[(head + index) % slots.count]) }
      larger += [Job?](repeating: nil, count: min(limit, max(16, slots.count * 2)) - count)
      slots = larger
      head = 0
    }
  }
}
