/// Tells a flood of questions in one line from a burst that passes.
///
/// A burst may wait for as long as anybody may. A line in which there has been somebody all that time is a flood: who joins
/// at its end waits that long for nothing, since it gets no shorter (RFC 8289 section 3). From then on the line takes no more
/// than what is taken out of it in a small part of that time, until nobody had to be refused for as long as a burst may take.
struct FloodWatch {
  /// So many may be in line in a flood however slowly they are taken out: with chance alone so many come together where much
  /// is to be done, and it is no flood.
  static let leastInLine = 16
  /// Of what a burst may wait, what is allowed in a flood.
  private static let share = 0.02

  /// Nanoseconds: for so long a line may stand.
  private let burst: Int64
  /// Monotonic nanoseconds: since when there has been somebody in the line, and the number taken out since then is counted.
  private var countsSince: Int64
  private var taken = 0
  /// Taken out in a nanosecond, when it was counted last for as long as a burst may take.
  private var pace: Double?
  private var end = Int64.min

  init(burst: Int64, since now: Int64) {
    self.burst = burst
    countsSince = now
  }

  /// Notes that somebody joins a line in which there is nobody, at that monotonic nanosecond.
  mutating func lineBegins(_ now: Int64) {
    countsSince = now
    taken = 0
  }

  /// Notes that the first in line was taken out.
  mutating func tookOne() { taken += 1 }

  /// Whether nobody may join the line at present, in which there are so many.
  mutating func refuses(inLine count: Int, now: Int64) -> Bool {
    let hasStood = now - countsSince > burst
    if hasStood {
      pace = Double(taken) / Double(now - countsSince)
      lineBegins(now)
    }
    guard hasStood || now < end, let pace else { return false }
    guard count >= max(FloodWatch.leastInLine, Int(pace * Double(burst) * FloodWatch.share)) else { return false }
    end = now + burst
    return true
  }
}
