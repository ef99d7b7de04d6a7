import CalendarTime
import Glibc
import SQLiteStore
import Simulation

/// `simulate-year [certificates] [seed]`: the simulated year at full size, with a report. Exit code 1 where something was
/// not as it must be.
func simulate() throws -> Int32 {
  let arguments = CommandLine.arguments.dropFirst()
  let numbers = arguments.compactMap { Int($0) }
  guard numbers.count == arguments.count, numbers.count <= 2, numbers.allSatisfy({ $0 > 0 }) else {
    print("usage: simulate-year [certificates] [seed]")
    return 2
  }
  let count = numbers.first ?? 10_000
  var template = Array("/tmp/avouch-year-XXXXXX".utf8CString)
  guard unsafe mkdtemp(&template) != nil else { return 1 }
  let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { for name in ["", "-wal", "-shm"] { _ = unsafe unlink(folder + "/store.sqlite" + name) } }
  defer { _ = unsafe rmdir(folder) }
  let store = try SQLiteStore(path: folder + "/store.sqlite")
  let scenario = try YearScenario(certificates: count, seed: UInt64(numbers.dropFirst().first ?? 1), store: store) {
    day, signatures in
    if day.isMultiple(of: 30) { print("day \(day): \(signatures) signatures") }
  }
  let report = try scenario.run()
  print("\(count) certificates: \(report.signatures) signatures, \(report.checks) answers looked at")
  for damage in report.damages {
    let warned = damage.warnedSince.map { "warned of since \($0.iso8601)" } ?? "without a warning"
    print("without an answer: '\(damage.issuer)', \(damage.from.iso8601) to \(damage.until.iso8601), \(warned)")
  }
  print("more than could be borne: \(report.damagingEpisodes.sorted().joined(separator: ", "))")
  if let lead = report.shortestLead { print("shortest time from warning to damage: \(lead / 3600) h") }
  for violation in report.violations.prefix(50) { print("WRONG: \(violation)") }
  print(report.violations.isEmpty ? "nothing wrong" : "\(report.violations.count) things wrong")
  return report.violations.isEmpty ? 0 : 1
}

do {
  exit(try simulate())
} catch {
  print("\(error)")
  exit(1)
}
