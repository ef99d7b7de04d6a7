import CalendarTime
import Feeds
import Metrics
import Records

/// How the CRLs that are watched stand.
enum CRLMetrics {
  static func add(_ reports: [CRLReport], now: UnixTime, to page: inout ExpositionText) {
    func values(_ value: (CRLReport) -> UInt64?) -> [(String, UInt64)] {
      reports.compactMap { report in value(report).map { (report.issuerName, $0) } }
    }
    page.add(
      "avouch_crl_number", .gauge, help: "The number of the newest CRL that was accepted.", label: "issuer",
      values { $0.number?.clamped })
    page.add(
      "avouch_crl_age_seconds", .gauge, help: "How long ago its thisUpdate is.", label: "issuer",
      values { report in report.newestUpdate.map { UInt64(max(0, now.seconds(since: $0))) } })
    page.add(
      "avouch_crl_entries", .gauge, help: "Entries of the newest complete CRL.", label: "issuer",
      values { UInt64($0.entries) })
    page.add(
      "avouch_crl_withheld", .gauge, help: "1 where the CRL is too old and questions are answered tryLater, else 0.",
      label: "issuer", values { $0.objection == nil ? 0 : 1 })
    page.add(
      "avouch_crl_reads_total", .counter, help: "Looks at sources of CRLs by what came of them.",
      labels: ["issuer", "result"],
      reports.flatMap { report in
        CRLReadResult.allCases.map { ([report.issuerName, $0.rawValue], report.counters.current($0)) }
      })
    page.add(
      "avouch_crl_failures_total", .counter, help: "Looks at sources of CRLs that failed, for whatever reason.",
      label: "issuer", values { $0.counters.failures })
  }
}
