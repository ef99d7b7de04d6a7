/// Tells a flood of questions in one line from a burst that passes, and says how many may be in line in a flood.
///
/// A burst may wait for as long as anybody may. A line in which there has been somebody all that time is a flood: who joins
/// at its end waits that long for nothing, since it gets no shorter (RFC 8289 section 3). From then on only few may be in it.
/// How few is found out: where the line was empty for a part of the time, signatures have been lost, be it that questions come
/// in heaps or that the flood is over, and twice as many may wait; until that is what a burst may be, too.
struct FloodWatch {
  /// So many may be in line however slowly they are taken out: with chance alone so many come together where much is to be
  /// done, and it is no flood.
  static let leastInLine = 16
  /// The same where it is no flood.
  static let leastInBurst = 64
  /// What is taken out in that part of the time that a burst may wait is what may be in line as a flood begins.
  private static let firstShare = 0.02
  private static let looksToForget = 16
  /// The line is empty for so much of the time at most where nothing is lost, and at least where too much is.
  private static let idleShare = (little: 1.0 / 64, much: 3.0 / 16)

  /// Nanoseconds: for so long a line may stand. As long as that it is looked at, and then judged.
  private let burst: Int64
  /// Monotonic nanoseconds.
  private var lookBegan: Int64
  private var emptySince: Int64?
  /// In this look: nanoseconds without anybody in line, and how many were taken out.
  private var idle: Int64 = 0
  private var taken = 0
  private var isFlood = false
  /// In a flood; afterwards that of the last one, with which it begins again where that was a moment ago.
  private var limit = FloodWatch.leastInLine
  /// Looks since the last flood.
  private var calmLooks = FloodWatch.looksToForget

  /// - Parameter now: when the first one joins the line.
  init(burst: Int64, lineBegins now: Int64) {
    self.burst = burst
    lookBegan = now
  }

  /// Notes that somebody joins a line in which there is nobody.
  mutating func lineBegins(_ now: Int64) {
    // Where it was emptied by somebody else nobody knows since when; but it has not stood.
    idle += max(1, now - max(emptySince ?? now, lookBegan))
    emptySince = nil
  }

  /// Notes that the first in line was taken out.
  mutating func tookOne(_ now: Int64, isLast: Bool) {
    taken += 1
    if isLast { emptySince = now }
  }

  /// Whether nobody may join the line at present, in which there are so many.
  mutating func refuses(inLine count: Int, now: Int64) -> Bool {
    if now - lookBegan >= burst { judge(now) }
    return isFlood && count >= limit
  }

  private mutating func judge(_ now: Int64) {
    let looks = max(1, Int((now - lookBegan) / burst))
    let takenInBurst = taken / looks
    let idleShare = Double(idle) / Double(now - lookBegan)
    if isFlood {
      adjust(idleShare, takenInBurst: takenInBurst, looks: looks)
    } else if idle == 0 {
      isFlood = true
      if calmLooks >= FloodWatch.looksToForget {
        limit = max(FloodWatch.leastInLine, Int(Double(takenInBurst) * FloodWatch.firstShare))
      }
    } else {
      calmLooks = min(calmLooks + looks, FloodWatch.looksToForget)
    }
    (lookBegan, idle, taken) = (now, 0, 0)
  }

  private mutating func adjust(_ idleShare: Double, takenInBurst: Int, looks: Int) {
    if idleShare < FloodWatch.idleShare.little {
      limit = max(FloodWatch.leastInLine, limit - limit / 8)
    } else if idleShare > FloodWatch.idleShare.much {
      let most = max(takenInBurst, FloodWatch.leastInBurst)
      // Where nobody came for long, as often as it would have been looked at.
      for _ in 0..<min(looks, 32) where isFlood {
        isFlood = 2 * limit < most
        limit = min(2 * limit, most)
      }
      if !isFlood { calmLooks = 0 }
    }
  }
}
