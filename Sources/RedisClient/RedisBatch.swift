/// Commands that travel together, encoded as they are added: cheaper by far than one at a time. `RedisClient.batch` makes one.
///
/// All go to masters. A script that a node does not know yet is an error here (`RedisFailure.isUnknownScript`): `perform` of the
/// command alone sends it.
public struct RedisBatch: Sendable {
  /// All commands, as RESP.
  private(set) var octets: [UInt8] = []
  /// Where each of them ends.
  private(set) var ends: [Int] = []
  /// Of each key; none outside a cluster.
  private(set) var slots: [Int] = []
  private let isForCluster: Bool
  private var forms = CommandForms()

  init(isForCluster: Bool, commands: Int, octets count: Int) {
    self.isForCluster = isForCluster
    ends.reserveCapacity(commands)
    octets.reserveCapacity(count)
  }

  /// Commands that were added.
  public var count: Int { ends.count }

  /// Adds a command.
  ///
  /// - Parameters:
  ///   - words: the name and its arguments.
  ///   - place: of the key among the words.
  public mutating func append(_ words: borrowing Span<[UInt8]>, keyAt place: Int) {
    forms.append(words, to: &octets)
    ends.append(octets.count)
    if isForCluster { slots.append(ClusterSlot.of(words[place])) }
  }
}
