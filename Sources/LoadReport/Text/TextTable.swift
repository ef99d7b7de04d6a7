/// A table of plain text: the first column flush left, the others flush right, two blanks between them.
struct TextTable {
  private var rows: [[String]]
  private let notes: Int

  /// - Parameters:
  ///   - heading: a text for each column.
  ///   - notes: how many columns at the end hold words, which are flush left.
  init(heading: [String], notes: Int = 0) {
    rows = [heading]
    self.notes = notes
  }

  var isEmpty: Bool { rows.count == 1 }

  /// - Parameter cells: as many as the heading has.
  mutating func add(_ cells: [String]) { rows.append(cells.map { $0.plain }) }

  /// - Parameter indentation: blanks before each line.
  func lines(indentation: Int = 0) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { cells in
      var line = String(repeating: " ", count: indentation)
      for (column, cell) in cells.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0 { line += "  " }
        line += column == 0 || column >= cells.count - notes ? cell + padding : padding + cell
      }
      return line.withoutTrailingBlanks
    }
  }
}

extension String {
  /// The text as a terminal may be given it: what moves the cursor, colours or turns the direction of writing is a `?`.
  var plain: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  var withoutTrailingBlanks: String {
    guard let last = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...last])
  }

  /// The text, or as much of its begin as fits, with an ellipsis.
  func shortened(to width: Int) -> String { count <= width ? self : prefix(max(0, width - 1)) + "…" }

  /// Lines of at most that many characters, split at blanks; a longer word has a line of its own.
  func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    for word in split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

/// Lines with a label each, as `machine      4 processors`.
enum LabelledLines {
  static let width = 100
  private static let labelWidth = 13

  /// Long values go on below themselves.
  static func lines(_ label: String, _ value: String, indentation: Int = 0) -> [String] {
    let start = String(repeating: " ", count: indentation)
    let parts = value.plain.wrapped(to: width - indentation - labelWidth)
    return parts.enumerated().map { index, part in
      let head = index == 0 ? label : ""
      return start + head + String(repeating: " ", count: max(1, labelWidth - head.count)) + part
    }
  }
}
