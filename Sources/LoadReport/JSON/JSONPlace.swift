/// A value of a JSON file with the way to it: what asks for a member knows where it is wrong.
struct JSONPlace {
  var element: JSONElement
  var file: String
  /// `runs[2].latency`; empty for the whole.
  var path: String

  func error(_ problem: String) -> LoadResultError {
    LoadResultError("\(file): " + (path.isEmpty ? "" : "\(path): ") + problem)
  }

  private func expected(_ what: String) -> LoadResultError {
    error("\(what) is expected, and here is \(element.kindName)")
  }

  /// The member of that name, or nil where there is none or it is null.
  func optional(_ name: String) throws(LoadResultError) -> JSONPlace? {
    guard case .object(let members) = element else { throw expected("an object") }
    guard let member = members.first(where: { $0.name == name }), member.value != .null else { return nil }
    return JSONPlace(element: member.value, file: file, path: path.isEmpty ? name : "\(path).\(name)")
  }

  func member(_ name: String) throws(LoadResultError) -> JSONPlace {
    guard let place = try optional(name) else { throw error("the member '\(name)' is missing") }
    return place
  }

  func members() throws(LoadResultError) -> [(name: String, place: JSONPlace)] {
    guard case .object(let members) = element else { throw expected("an object") }
    return members.map { member in
      (member.name, JSONPlace(element: member.value, file: file, path: "\(path).\(member.name)"))
    }
  }

  func elements() throws(LoadResultError) -> [JSONPlace] {
    guard case .list(let elements) = element else { throw expected("a list") }
    return elements.enumerated().map { index, element in
      JSONPlace(element: element, file: file, path: "\(path)[\(index)]")
    }
  }

  func text() throws(LoadResultError) -> String {
    guard case .text(let text) = element else { throw expected("a text") }
    return text
  }

  /// A whole number that is at least 0, written without point or exponent.
  func whole<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(LoadResultError) -> Number {
    guard case .number(let digits) = element else { throw expected("a number") }
    guard let number = Number(digits), number >= 0 else {
      throw error("\(digits) is no whole number from 0 to \(Number.max)")
    }
    return number
  }

  /// A number that is at least 0.
  func amount() throws(LoadResultError) -> Double {
    guard case .number(let digits) = element else { throw expected("a number") }
    guard let number = Double(digits), number.isFinite, number >= 0 else {
      throw error("\(digits) is no number from 0 on")
    }
    return number
  }
}
