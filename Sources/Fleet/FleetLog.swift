/// Where a node's part in a fleet says what an operator should know. Any thread may call.
public struct FleetLog: Sendable {
  public static let silent = FleetLog(info: { _ in }, warning: { _ in })
  /// What is as it should be, or is again.
  public var info: @Sendable (String) -> Void
  /// What is not.
  public var warning: @Sendable (String) -> Void

  public init(info: @escaping @Sendable (String) -> Void, warning: @escaping @Sendable (String) -> Void) {
    self.info = info
    self.warning = warning
  }
}
