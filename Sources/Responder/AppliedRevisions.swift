/// Who applies changes of a status store. Any thread may ask.
public protocol AppliedRevisions: AnyObject, Sendable {
  var appliedRevision: Revision { get }
  /// Waits until the caches have seen everything up to `revision`. False after `milliseconds`.
  func waitUntilApplied(_ revision: Revision, milliseconds: Int64) -> Bool
}
