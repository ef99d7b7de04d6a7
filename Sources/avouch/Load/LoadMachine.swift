import EventLoop
import Glibc
import LoadReport

/// What the system says of the machine.
enum LoadMachine {
  static var current: Machine {
    var names = utsname()
    let kernel = unsafe uname(&names) == 0 ? text(&names.release) : ""
    return Machine(
      processors: Processors.count, model: value(of: "model name", in: "/proc/cpuinfo", separator: ":"),
      memoryBytes: UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))),
      kernel: kernel, system: value(of: "PRETTY_NAME", in: "/etc/os-release", separator: "="))
  }

  private static func text<Field>(_ field: inout Field) -> String {
    unsafe withUnsafeBytes(of: &field) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// What stands behind a name in a file of lines; empty where there is none.
  private static func value(of name: String, in path: String, separator: Character) -> String {
    guard let octets = try? Files.read(path, what: "a file of the system") else { return "" }
    for line in String(decoding: octets, as: UTF8.self).split(separator: "\n") where line.hasPrefix(name) {
      guard let place = line.firstIndex(of: separator) else { continue }
      return String(line[line.index(after: place)...].drop { $0 == " " || $0 == "\"" }.prefix { $0 != "\"" })
    }
    return ""
  }
}
