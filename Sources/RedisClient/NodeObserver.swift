/// Whom a node tells of its ups and downs. All calls come on the client's thread.
protocol NodeObserver: AnyObject {
  /// Logged in. Gives a reason where the node is not what it should be: then its connection is closed.
  func nodeIsReady(_ node: Node, role: ReportedRole?) -> String?
  /// Its connection failed, or could not be made. The node goes on trying.
  func nodeFailed(_ node: Node)
}
