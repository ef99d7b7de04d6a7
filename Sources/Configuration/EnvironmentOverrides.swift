/// `AVOUCH_` variables put over the file: `AVOUCH_CACHE_MEMORY=1GiB`, `AVOUCH_ISSUERS_DEMO_VALIDITY=2d` where the
/// issuer's name in capitals stands for its place.
enum EnvironmentOverrides {
  static func apply(_ environment: [String: String], to root: inout JSONValue, problems: inout [String]) {
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("AVOUCH_") {
      let wanted = String(name.dropFirst(7))
      if let setting = general(wanted) {
        set(setting.path.split(separator: ".").map { String($0) }, in: &root, to: value)
      } else if !applyToIssuer(wanted, value, &root) {
        problems.append("environment variable \(name): it names no key of the configuration")
      }
    }
  }

  /// `limits.headTimeout` as `LIMITS_HEADTIMEOUT`.
  static func variable(_ path: String) -> String {
    String(path.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? Character($0.uppercased()) : "_" })
  }

  private static func general(_ wanted: String) -> Setting? {
    SettingsTable.settings.first { !$0.path.hasPrefix("issuers[]") && variable($0.path) == wanted }
  }

  private static func applyToIssuer(_ wanted: String, _ value: String, _ root: inout JSONValue) -> Bool {
    guard wanted.hasPrefix("ISSUERS_"), case .object(var members) = root, case .list(var list)? = members["issuers"]
    else { return false }
    let rest = wanted.dropFirst(8)
    for place in list.indices {
      guard case .object(let issuer) = list[place], case .text(let name)? = issuer["name"] else { continue }
      let prefix = variable(name) + "_"
      guard rest.hasPrefix(prefix) else { continue }
      let key = String(rest.dropFirst(prefix.count))
      let found = SettingsTable.settings.first {
        $0.path.hasPrefix("issuers[].") && variable(String($0.path.dropFirst(10))) == key
      }
      guard let found else { continue }
      set(found.path.dropFirst(10).split(separator: ".").map { String($0) }, in: &list[place], to: value)
      members["issuers"] = .list(list)
      root = .object(members)
      return true
    }
    return false
  }

  private static func set(_ path: [String], in value: inout JSONValue, to text: String) {
    guard let first = path.first else {
      value = .text(text)
      return
    }
    var members: [String: JSONValue] = [:]
    if case .object(let present) = value { members = present }
    var inside = members[first] ?? .object([:])
    set(Array(path.dropFirst()), in: &inside, to: text)
    members[first] = inside
    value = .object(members)
  }
}
