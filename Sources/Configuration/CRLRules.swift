/// Which values of `issuers[].crl` go together.
enum CRLRules {
  static func problems(_ reader: SettingsReader) -> [String] {
    reader.paths(.issuers).flatMap { path in
      problems(reader, at: path + ".crl", isEdge: reader.text("role") == "edge")
    }
  }

  private static func problems(_ reader: SettingsReader, at path: String, isEdge: Bool) -> [String] {
    let sources = reader.texts(path + ".sources")
    guard !sources.isEmpty else {
      let given = ["maximumAge", "authority"].filter { reader.values["\(path).\($0)"] != nil }
      return given.map { "\(path).\($0): there is no \(path).sources that it could be for" }
    }
    guard !isEdge else {
      return ["\(path).sources: an edge has no status store that a CRL could go into; CRLs are watched by the origin"]
    }
    var problems: [String] = []
    for (place, source) in sources.enumerated() {
      if let other = sources[..<place].firstIndex(of: source) {
        problems.append("\(path).sources: [\(place)] is the same as [\(other)]; each source once is expected")
      }
      if let scheme = scheme(of: source), !isFetched(source, scheme) {
        problems.append(
          "\(path).sources: \"\(source)\" at [\(place)] is not possible; expected a path, http://host/... or https://host/..."
        )
      }
    }
    let isSecure = sources.contains { scheme(of: $0) == "https" }
    if reader.optionalText(path + ".authority") != nil, !isSecure {
      problems.append("\(path).authority: it vouches for https servers, and no source begins with https://")
    }
    if let age = reader.optionalInteger(path + ".maximumAge"), age <= reader.integer(path + ".interval"),
      sources.contains(where: { scheme(of: $0) != nil })
    {
      problems.append(
        "\(path).maximumAge: \(Duration.text(age)) is not more than the interval, "
          + "\(Duration.text(reader.integer(path + ".interval"))): a CRL would be too old before it is asked for again")
    }
    return problems
  }

  /// What stands before `://`, in small letters; nil where that is not there.
  private static func scheme(of source: String) -> String? {
    guard let colon = source.firstIndex(of: ":"), source[colon...].hasPrefix("://") else { return nil }
    return source[..<colon].lowercased()
  }

  private static func isFetched(_ source: String, _ scheme: String) -> Bool {
    let host = source.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != "?" }
    return ["http", "https"].contains(scheme) && !host.isEmpty && !source.utf8.contains { $0 <= 0x20 }
  }
}
