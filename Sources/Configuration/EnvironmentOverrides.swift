/// `AVOUCH_` variables put over the file: `AVOUCH_CACHE_MEMORY=1GiB`, `AVOUCH_ISSUERS_DEMO_VALIDITY=2d` where the
/// issuer's name in capitals stands for its place in the list.
enum EnvironmentOverrides {
  static func apply(_ environment: [String: String], to root: inout JSONValue, problems: inout [String]) {
    let variables = environment.filter { $0.key.hasPrefix("AVOUCH_") }.sorted { $0.key < $1.key }
    guard !variables.isEmpty else { return }
    // Before anything is overridden: a variable may change a name.
    let lists = ObjectList.all.map { ($0, objectNames($0, root)) }
    for (name, value) in variables {
      let targets = targets(String(name.dropFirst(7)), lists)
      if targets.count == 1 {
        set(targets[0].path, in: &root, to: value)
      } else if targets.isEmpty {
        problems.append("environment variable \(name): it names no key of the configuration")
      } else {
        let meanings = targets.map(\.shown).joined(separator: " and ")
        problems.append("environment variable \(name): it names \(meanings); give one of them another name")
      }
    }
  }

  /// `limits.headTimeout` as `LIMITS_HEADTIMEOUT`.
  static func variable(_ path: String) -> String {
    String(path.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? Character($0.uppercased()) : "_" })
  }

  /// A value in the tree.
  private struct Target {
    /// Keys, and places in lists.
    var path: [Step]
    var shown: String
  }

  private enum Step {
    case key(String)
    case place(Int)
  }

  /// The name of every object of a list as variables have it; nil where the file gives none.
  private static func objectNames(_ list: ObjectList, _ root: JSONValue) -> [String?] {
    guard case .object(let members) = root, case .list(let objects)? = members[list.name] else { return [] }
    return objects.map { value in
      guard case .object(let object) = value, case .text(let name)? = object["name"] else { return nil }
      return variable(name)
    }
  }

  /// All that a variable may mean.
  private static func targets(_ wanted: String, _ lists: [(ObjectList, [String?])]) -> [Target] {
    var targets = keys(wanted, ObjectList.othersSettings, prefix: "").map { Target(path: steps($0), shown: $0) }
    for (list, names) in lists {
      let begin = variable(list.name) + "_"
      guard wanted.hasPrefix(begin) else { continue }
      let rest = wanted.dropFirst(begin.count)
      for (place, name) in names.enumerated() {
        guard let name, rest.hasPrefix(name + "_") else { continue }
        for key in keys(String(rest.dropFirst(name.count + 1)), list.settings, prefix: list.prefix) {
          targets.append(
            Target(path: [.key(list.name), .place(place)] + steps(key), shown: "\(list.name)[\(place)].\(key)"))
        }
      }
    }
    return targets
  }

  /// The settings of one group that a variable names, without the group's prefix.
  private static func keys(_ wanted: String, _ settings: [Setting], prefix: String) -> [String] {
    settings.map { String($0.path.dropFirst(prefix.count)) }.filter { variable($0) == wanted }
  }

  private static func steps(_ path: String) -> [Step] {
    path.split(separator: ".").map { .key(String($0)) }
  }

  private static func set(_ path: [Step], in value: inout JSONValue, to text: String) {
    switch path.first {
    case nil: value = .text(text)
    case .key(let key)?:
      var members: [String: JSONValue] = [:]
      if case .object(let present) = value { members = present }
      var inside = members[key] ?? .object([:])
      set(Array(path.dropFirst()), in: &inside, to: text)
      members[key] = inside
      value = .object(members)
    case .place(let place)?:
      guard case .list(var list) = value, list.indices.contains(place) else { return }
      set(Array(path.dropFirst()), in: &list[place], to: text)
      value = .list(list)
    }
  }
}
