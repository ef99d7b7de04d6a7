/// What `purge[].request` may hold, and for which driver.
enum PurgeRequestRules {
  /// Where placeholders may stand.
  private enum Part {
    case url, header, body
  }

  /// What the HTTP client says itself: a second one could end the request at another place.
  private static let ownFields = ["connection", "content-length", "transfer-encoding"]

  static func problems(
    _ purge: Configuration.Purge, _ reader: SettingsReader, fields: [String], _ path: String
  ) -> [String] {
    let request = path + ".request"
    guard let template = purge.request else {
      return ["body", "headers", "method", "url"].filter { reader.given.contains("\(request).\($0)") }.map {
        "\(request).\($0): \(purge.driver.rawValue) has requests of its own; it is for the driver http"
      }
    }
    guard reader.given.contains(request + ".url") else {
      return ["\(request).url: is missing; the driver http needs the URL that its requests go to"]
    }
    var problems: [String] = []
    if !HTTPText.isToken(template.method[...]) {
      problems.append(
        "\(request).method: '\(template.method)' is not possible; expected a word as POST, PURGE or DELETE")
    } else if ["HEAD", "CONNECT"].contains(template.method.uppercased()) {
      // An answer to HEAD tells of a body that does not come, and one to CONNECT is no end.
      problems.append(
        "\(request).method: \(template.method) is not possible: it changes nothing; expected POST, PURGE or DELETE")
    }
    problems += wordProblems(template.url, .url, purge, request + ".url")
    if problems.isEmpty, !isFetched(template.url) {
      problems.append(
        "\(request).url: '\(template.url)' is not possible; expected http://host/... or https://host/..., or {url}")
    }
    let headers = reader.texts(request + ".headers")
    for (place, header) in headers.enumerated() {
      problems += headerProblems(header, place, purge, request + ".headers")
    }
    if let body = template.body { problems += wordProblems(body, .body, purge, request + ".body") }
    guard problems.isEmpty else { return problems }
    let used = Set(([template.url] + headers + [template.body ?? ""]).flatMap { words($0) })
    let telling = purge.isByKey ? ["key", "serial"] : ["url", "encodedURL", "target", "key", "serial"]
    if used.isDisjoint(with: telling) {
      problems.append("\(request): nothing in it says what is purged; expected \(shown(telling)) in one of its parts")
    }
    // By key this is told of at `by`.
    if !purge.isByKey, fields.isEmpty, used.intersection(telling) == ["key"] {
      problems.append(
        "\(request): {key} alone says what is purged, and needs surrogateKeys: without them no answer has a key")
    }
    if used.contains("secret") != (purge.secretFile != nil) {
      problems.append(
        purge.secretFile == nil
          ? "\(path).secretFile: is missing; \(request).headers has {secret}"
          : "\(path).secretFile: {secret} stands in none of \(request).headers")
    }
    return problems
  }

  /// The text with something in the place of its placeholders, to look at what it is.
  static func sample(_ text: String) -> String {
    var sample = text
    for (word, value) in [
      ("url", "http://host/path"), ("encodedURL", "http"), ("host", "host"), ("target", "/path"), ("key", "key"),
      ("issuer", "issuer"),
      ("serial", "00"),
    ] {
      sample = sample.replacing("{\(word)}", with: value)
    }
    return sample
  }

  private static func isFetched(_ url: String) -> Bool {
    URLParts(sample(url)).map { ["http", "https"].contains($0.scheme) } ?? false
  }

  private static func headerProblems(
    _ header: String, _ place: Int, _ purge: Configuration.Purge, _ path: String
  ) -> [String] {
    guard let field = Configuration.Purge.Field(header) else {
      let shown = HTTPText.hasControls(header[...]) ? "it holds a control character" : "'\(header)' is not possible"
      return ["\(path): [\(place)]: \(shown); expected \"Name: value\""]
    }
    guard !ownFields.contains(field.name.lowercased()) else {
      return ["\(path): [\(place)]: \(field.name) is not possible: every request has its own"]
    }
    return wordProblems(field.value, .header, purge, path)
  }

  /// Braces with anything but letters inside are the body's own, as those of JSON.
  private static func wordProblems(
    _ text: String, _ part: Part, _ purge: Configuration.Purge, _ path: String
  ) -> [String] {
    let ofURLs = ["url", "encodedURL", "host", "target"]
    let known = (purge.isByKey ? [] : ofURLs) + ["key", "issuer", "serial"] + (part == .header ? ["secret"] : [])
    return words(text).filter { !known.contains($0) }.map { word in
      let why =
        if word == "secret" {
          "is possible in header fields alone"
        } else if ofURLs.contains(word) {
          "is not possible with by: \"key\": a key has no URL"
        } else {
          "stands for nothing"
        }
      return "\(path): {\(word)} \(why); there are \(shown(known))"
    }
  }

  private static func shown(_ words: [String]) -> String {
    let words = words.map { "{\($0)}" }
    return words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
  }

  /// Every `{word}` of letters alone, in their order.
  static func words(_ text: String) -> [String] {
    var words: [String] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      rest = rest[rest.index(after: open)...]
      let word = rest.prefix { $0.isASCII && $0.isLetter }
      if !word.isEmpty, rest[word.endIndex...].first == "}" { words.append(String(word)) }
    }
    return words
  }
}
