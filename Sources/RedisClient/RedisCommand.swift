/// One command and how it travels.
///
/// All commands of a client share connections. What changes the connection itself or blocks it must not be among them:
/// SELECT, AUTH, MULTI, WATCH, SUBSCRIBE, MONITOR, WAIT, BLPOP and its kin. Scripts do what transactions do; `listen`
/// has a connection of its own for commands that block.
public struct RedisCommand: Sendable, Hashable {
  /// The name and its arguments.
  public var words: [[UInt8]]
  /// The word by which Redis Cluster finds the node; nil where any master will do.
  public var key: [UInt8]?
  /// Whether a replica may answer it, where the settings let replicas answer.
  public var isReadOnly: Bool
  /// What to send instead of its digest to a node that answers NOSCRIPT.
  var script: [UInt8]?

  public init(words: [[UInt8]], key: [UInt8]? = nil, isReadOnly: Bool = false) {
    precondition(!words.isEmpty, "a command has a name")
    self.words = words
    self.key = key
    self.isReadOnly = isReadOnly
  }

  /// A command of text; the key is the word at that place.
  public init(_ words: String..., keyAt place: Int? = nil, isReadOnly: Bool = false) {
    let octets = words.map { Array($0.utf8) }
    self.init(words: octets, key: place.map { octets[$0] }, isReadOnly: isReadOnly)
  }
}
