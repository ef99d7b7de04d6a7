extension UInt64 {
  /// The sum, or the greatest number that there is: counts in a file may be anything.
  func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  func multipliedClamped(by other: UInt64) -> UInt64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}

extension Sequence<UInt64> {
  var clampedSum: UInt64 { reduce(0) { $0.addingClamped($1) } }
}
