/// The query of a control request: names and values without percent-coding, as our own commands write them.
///
/// Takes whatever a client sends: a pair without a name is nobody's, and of two with one name the last counts.
struct ControlQuery {
  private var values: [String: String] = [:]

  init(_ target: String) {
    guard let mark = target.firstIndex(of: "?") else { return }
    for pair in target[target.index(after: mark)...].split(separator: "&") {
      let name = pair.prefix { $0 != "=" }
      if !name.isEmpty { values[String(name)] = String(pair.dropFirst(name.count + 1)) }
    }
  }

  subscript(_ name: String) -> String? { values[name] }
}
