/// Pieces that pages are made of.
enum PageParts {
  struct Tile {
    var value: String
    var words: String
    var isBad = false
  }

  static func tiles(_ tiles: [Tile]) -> Markup {
    let parts = tiles.map { tile in
      Markup.element(
        "div", ["class": "tile"],
        [.element("b", tile.isBad ? ["class": "bad"] : [:], text: tile.value), .element("span", text: tile.words)])
    }
    return .element("div", ["class": "tiles"], parts)
  }

  /// A table whose first column is flush left and the others flush right.
  ///
  /// - Parameter notes: how many columns at the end hold words, which are flush left.
  static func table(heading: [String], _ rows: [[String]], notes: Int = 0) -> Markup {
    func row(_ cells: [String], _ element: String) -> Markup {
      let parts = cells.enumerated().map { column, cell in
        Markup.element(element, column >= cells.count - notes ? ["class": "words"] : [:], text: cell)
      }
      return .element("tr", [:], parts)
    }
    return .element(
      "div", ["class": "scroll"], [.element("table", [:], [row(heading, "th")] + rows.map { row($0, "td") })])
  }

  /// Names and values, which may be long.
  static func settings(_ pairs: [(name: String, value: String)]) -> Markup {
    let rows = pairs.map { pair in
      Markup.element("tr", [:], [.element("td", text: pair.name), .element("td", text: pair.value)])
    }
    return .element("table", ["class": "settings"], rows)
  }

  static func charts(_ charts: [Chart]) -> Markup {
    charts.isEmpty ? .empty : .element("div", ["class": "charts"], charts.map(\.figure))
  }

  static func section(_ title: String, _ content: [Markup]) -> Markup {
    .element("section", [:], [.element("h2", text: title)] + content)
  }

  static func paragraph(_ text: String, faint: Bool = false) -> Markup {
    .element("p", faint ? ["class": "faint"] : [:], text: text)
  }
}
