/// A piece of a page that is well-formed both as HTML and as XML. Text gets into one only escaped.
struct Markup: Sendable, Equatable {
  private(set) var source: String

  private init(source: String) {
    self.source = source
  }

  static let empty = Markup(source: "")

  /// Text, whatever it holds.
  static func text(_ text: String) -> Markup { Markup(source: escaped(text)) }

  static func joined(_ parts: [Markup]) -> Markup { Markup(source: parts.map(\.source).joined()) }

  /// - Parameters:
  ///   - name: a constant of the program, as the names of attributes are.
  ///   - attributes: values may hold anything.
  static func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ content: [Markup] = []
  ) -> Markup {
    var source = "<" + name
    for (attribute, value) in attributes { source += " \(attribute)=\"\(escaped(value))\"" }
    let inside = content.map(\.source).joined()
    if voidElements.contains(name) || (inside.isEmpty && drawingElements.contains(name)) {
      source += "/>"
    } else {
      source += ">\(inside)</\(name)>"
    }
    return Markup(source: source + (lineElements.contains(name) ? "\n" : ""))
  }

  static func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String
  ) -> Markup {
    element(name, attributes, [.text(text)])
  }

  /// A style sheet of the program; none of it may come from outside.
  static func style(_ sheet: StaticString) -> Markup { Markup(source: "<style>\n\(sheet)</style>\n") }

  /// A whole page around the content of its body.
  ///
  /// The policy lets nothing be loaded and nothing be run, should anything ever get in.
  static func page(title: String, style: StaticString, body: [Markup]) -> String {
    let policy = "default-src 'none'; style-src 'unsafe-inline'"
    let head = element(
      "head", [:],
      [
        element("meta", ["charset": "utf-8"]),
        element("meta", ["http-equiv": "Content-Security-Policy", "content": policy]),
        element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        element("meta", ["name": "color-scheme", "content": "light dark"]),
        element("title", text: title), .style(style),
      ])
    let whole = element("html", ["lang": "en"], [head, element("body", [:], [element("main", [:], body)])])
    return "<!DOCTYPE html>\n" + whole.source
  }

  /// Elements of HTML that have no end tag.
  private static let voidElements: Set<String> = ["meta"]
  /// Elements of SVG, where an end tag may be left out.
  private static let drawingElements: Set<String> = ["line", "path", "rect", "circle"]
  /// Elements that end a line of the source.
  private static let lineElements: Set<String> = [
    "meta", "title", "head", "body", "html", "main", "section", "h1", "h2", "h3", "p", "tr", "table", "figure",
    "figcaption", "svg", "path", "g", "details", "dl", "dd", "div", "ul", "li", "footer", "pre",
  ]

  /// What means something in HTML becomes a reference; what XML has no characters for becomes U+FFFD.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
