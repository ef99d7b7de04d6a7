public import Responder

/// Which of an origin's answers go into the level that nodes share.
public protocol PublicationSelection: AnyObject, Sendable {
  /// Any thread may ask.
  func isSelected(_ key: ResponseKey, now: Int64) -> Bool
}

/// All of them.
public final class EverythingSelected: PublicationSelection {
  public init() {}
  public func isSelected(_ key: ResponseKey, now: Int64) -> Bool { true }
}
