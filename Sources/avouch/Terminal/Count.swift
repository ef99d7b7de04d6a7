/// Numbers with what they count.
enum Count {
  /// `1 certificate`, `2 certificates`.
  ///
  /// - Parameter many: the plural.
  static func text(_ count: Int, _ many: String) -> String {
    "\(count) \(count == 1 && many.hasSuffix("s") ? String(many.dropLast()) : many)"
  }
}
