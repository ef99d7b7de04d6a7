import CalendarTime
import Glibc

extension UnixTime {
  /// `2026-04-04 05:06:40 CEST`: in the time zone of the person who asks; nil where that is UTC, which is said already.
  var localText: String? {
    var seconds = time_t(self.seconds)
    var parts = unsafe tm()
    guard unsafe localtime_r(&seconds, &parts) != nil, unsafe parts.tm_gmtoff != 0 else { return nil }
    var text = [CChar](repeating: 0, count: 64)
    let count = unsafe strftime(&text, text.count, "%Y-%m-%d %H:%M:%S %Z", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// `2 hours ago`, `in 3 days`: to the nearest, so that an answer of three days ends in 3 days from its first second on.
  func relativeText(to now: UnixTime) -> String {
    let distance = seconds(since: now)
    let size = abs(distance)
    let (count, unit): (Int64, String) =
      switch size {
      case ..<120: (size, "second")
      case ..<7200: ((size + 30) / 60, "minute")
      case ..<172_800: ((size + 1800) / 3600, "hour")
      default: ((size + 43_200) / 86_400, "day")
      }
    let text = "\(count) \(unit)\(count == 1 ? "" : "s")"
    return distance < 0 ? "\(text) ago" : "in \(text)"
  }
}
