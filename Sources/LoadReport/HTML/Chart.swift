/// A chart of lines, or of bars and lines, as SVG. It needs no scripts and takes its colours from the page's style sheet.
struct Chart {
  struct Point: Equatable {
    var x: Double
    var y: Double
  }

  /// A bar from `begin` to `end` on the x axis.
  struct Bar: Equatable {
    var begin: Double
    var end: Double
    var y: Double
  }

  enum Marks {
    case line([Point])
    /// Dashed and thin, without markers: something to compare with.
    case reference([Point])
    case bars([Bar])
  }

  struct Series {
    var name: String
    var marks: Marks

    var isEmpty: Bool {
      switch marks {
      case .line(let points), .reference(let points): points.isEmpty
      case .bars(let bars): bars.isEmpty
      }
    }
  }

  /// How many series can be told apart.
  static let maximumSeries = 8

  var title: String
  /// What can be read off it, for those who cannot see it.
  var description: String
  var x: Axis
  var y: Axis
  /// At most `maximumSeries`; more are left out.
  var series: [Series]

  /// The picture with title and legend; a sentence in its place where there is nothing to draw.
  var figure: Markup {
    let caption = Markup.element("figcaption", text: title)
    let drawn = series.prefix(Chart.maximumSeries).filter { !$0.isEmpty }
    guard drawn.contains(where: { if case .reference = $0.marks { false } else { true } }) else {
      return .element(
        "figure", [:],
        [caption, .element("p", ["class": "nothing"], text: "Nothing to draw: no request was answered.")])
    }
    return .element("figure", [:], [caption, legend(Array(drawn)), picture(Array(drawn))])
  }

  private func legend(_ drawn: [Series]) -> Markup {
    guard drawn.count > 1 else { return .empty }
    let items = drawn.enumerated().map { index, one in
      let sample: Markup =
        if case .bars = one.marks {
          .element("rect", ["class": "bar c\(index)", "x": "0", "y": "0", "width": "24", "height": "8"])
        } else {
          .element("path", ["class": Chart.lineClass(one, index), "d": "M0 4H24"])
        }
      let swatch = Markup.element("svg", ["width": "24", "height": "8", "aria-hidden": "true"], [sample])
      return Markup.element("li", [:], [swatch, .text(" " + one.name)])
    }
    return .element("ul", ["class": "legend"], items)
  }

  // MARK: - The picture

  private static let (width, height) = (560.0, 300.0)
  private static let (top, right, bottom) = (10.0, 22.0, 48.0)

  /// The left edge of the plot: as much room as the longest tick needs.
  private var left: Double { 34 + 6.8 * Double(y.ticks.map(\.text.count).max() ?? 0) }
  private var plotWidth: Double { Chart.width - left - Chart.right }
  private var plotHeight: Double { Chart.height - Chart.top - Chart.bottom }

  private func across(_ value: Double) -> Double { left + plotWidth * x.position(of: value) }
  private func down(_ value: Double) -> Double { Chart.top + plotHeight * (1 - y.position(of: value)) }

  private func picture(_ drawn: [Series]) -> Markup {
    let parts = grid + drawn.enumerated().map { index, one in marks(one, index) }
    return .element(
      "svg", ["viewBox": "0 0 560 300", "role": "img"],
      [.element("title", text: title), .element("desc", text: description)] + parts)
  }

  private var grid: [Markup] {
    let bottom = Chart.top + plotHeight
    var parts: [Markup] = []
    for tick in y.ticks {
      let place = Chart.coordinate(down(tick.value))
      parts.append(
        .element("path", ["class": "grid", "d": "M\(Chart.coordinate(left)) \(place)h\(Chart.coordinate(plotWidth))"]))
      parts.append(
        Chart.label(tick.text, ["class": "tick end", "x": Chart.coordinate(left - 6), "y": place, "dy": "0.35em"]))
    }
    for tick in x.ticks {
      let place = Chart.coordinate(across(tick.value))
      parts.append(
        .element(
          "path", ["class": "grid", "d": "M\(place) \(Chart.coordinate(Chart.top))V\(Chart.coordinate(bottom + 4))"]))
      parts.append(Chart.label(tick.text, ["class": "tick middle", "x": place, "y": Chart.coordinate(bottom + 19)]))
    }
    let middle = (Chart.coordinate(left + plotWidth / 2), Chart.coordinate(Chart.top + plotHeight / 2))
    parts.append(
      Chart.label(x.label, ["class": "label middle", "x": middle.0, "y": Chart.coordinate(Chart.height - 8)]))
    parts.append(
      Chart.label(
        y.label, ["class": "label middle", "transform": "translate(13 \(middle.1)) rotate(-90)", "x": "0", "y": "0"]))
    parts.append(
      .element(
        "path",
        [
          "class": "axis",
          "d":
            "M\(Chart.coordinate(left)) \(Chart.coordinate(Chart.top))V\(Chart.coordinate(bottom))h\(Chart.coordinate(plotWidth))",
        ]))
    return parts
  }

  private func marks(_ one: Series, _ index: Int) -> Markup {
    switch one.marks {
    case .bars(let bars): return barMarks(bars, index)
    case .reference(let points): return .element("path", ["class": Chart.lineClass(one, index), "d": line(points)])
    case .line(let points):
      let path = Markup.element("path", ["class": Chart.lineClass(one, index), "d": line(points)])
      // A line of one point is invisible, and few points are better seen than guessed.
      guard points.count <= 40 else { return path }
      let circles = points.map { point in
        Markup.element(
          "circle",
          [
            "class": "dot c\(index)", "cx": Chart.coordinate(across(point.x)), "cy": Chart.coordinate(down(point.y)),
            "r": "3",
          ])
      }
      return .element("g", [:], [path] + circles)
    }
  }

  private func barMarks(_ bars: [Bar], _ index: Int) -> Markup {
    let bottom = Chart.coordinate(Chart.top + plotHeight)
    var path = ""
    for bar in bars {
      let (begin, end) = (across(bar.begin), across(bar.end))
      // What is there at all is seen.
      let height = min(down(bar.y), Chart.top + plotHeight - 1)
      path += "M\(Chart.coordinate(begin)) \(bottom)V\(Chart.coordinate(height))"
      path += "H\(Chart.coordinate(max(begin + 1, end - 0.5)))V\(bottom)z"
    }
    return .element("path", ["class": "bar c\(index)", "d": path])
  }

  /// The way through all points, without those that no eye could tell from the one before.
  private func line(_ points: [Point]) -> String {
    var path = ""
    var last: (x: Double, y: Double)?
    for (index, point) in points.enumerated() {
      let place = (x: across(point.x), y: down(point.y))
      if let last, index < points.count - 1, abs(place.x - last.x) < 0.4, abs(place.y - last.y) < 0.4 { continue }
      path += (last == nil ? "M" : "L") + Chart.coordinate(place.x) + " " + Chart.coordinate(place.y)
      last = place
    }
    return path
  }

  private static func lineClass(_ series: Series, _ index: Int) -> String {
    if case .reference = series.marks { "line reference" } else { "line c\(index)" }
  }

  private static func label(_ text: String, _ attributes: KeyValuePairs<String, String>) -> Markup {
    .element("text", attributes, text: text)
  }

  private static func coordinate(_ value: Double) -> String {
    let text = Figures.fixed(value, places: 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
