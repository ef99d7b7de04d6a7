import Synchronization

/// The numbers of all nodes, for any thread.
final class NodeDirectory: Sendable {
  private let statistics = Mutex<[NodeStatistics]>([])

  func set(_ new: [NodeStatistics]) {
    statistics.withLock { $0 = new }
  }

  func clear() {
    set([])
  }

  var reports: [NodeReport] {
    statistics.withLock { $0 }.map(\.report)
  }
}
