import CalendarTime
import Metrics
import Purge
import Responder

/// How the caches in front stand that are told to forget.
enum PurgeMetrics {
  static func add(_ reports: [PurgeReport], now: UnixTime, to page: inout ExpositionText) {
    guard !reports.isEmpty else { return }
    page.add(
      "avouch_purge_waiting", .gauge, help: "Certificates that wait to be purged, or to be purged once more.",
      label: "cache", reports.map { ($0.cache, UInt64(clamping: $0.backlog.orders)) })
    page.add(
      "avouch_purge_age_seconds", .gauge, help: "For how long the oldest has waited that is no repetition; 0 for none.",
      label: "cache", reports.map { ($0.cache, UInt64(clamping: $0.age(at: now))) })
    page.add(
      "avouch_purge_working", .gauge, help: "0 while the cache cannot be purged, or certificates fail again and again.",
      label: "cache", reports.map { ($0.cache, $0.trouble == nil ? 1 : 0) })
    page.add(
      "avouch_purges_total", .counter, help: "Tries at certificates by how they ended; unavailable counts requests.",
      labels: ["cache", "result"],
      reports.flatMap { report in
        PurgeCounters.Result.allCases.map { ([report.cache, $0.rawValue], report.counters.current($0)) }
      })
  }
}
