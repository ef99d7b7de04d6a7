public import Responder

/// The status store in one SQLite file (WAL), shared by the responder and the command line.
public final class SQLiteStore: StatusStore {
  public let path: String
  private let isReadOnly: Bool

  /// Opens the file, makes its tables where it is new, and checks that it is ours.
  ///
  /// - Parameter create: false refuses a file that is missing, for commands that change what is there.
  public init(path: String, create: Bool = true) throws(StoreError) {
    self.path = path
    isReadOnly = false
    try Schema.prepare(try SQLiteConnection(path: path, create: create))
  }

  /// Opens a file that is there and ours, for commands that only look: no call of any session writes.
  public init(readingFrom path: String) throws(StoreError) {
    self.path = path
    isReadOnly = true
    try Schema.checkWithoutWriting(try SQLiteConnection(path: path, create: false))
  }

  public func openSession() throws(StoreError) -> any StatusStoreSession {
    try SQLiteSession(path: path, isReadOnly: isReadOnly)
  }

  /// The number of an issuer; nil where the store has none of that name. Makes none, unlike a session's `issuer`.
  public func recordedIssuer(name: String, identity: [UInt8]) throws(StoreError) -> StoreIssuerID? {
    try SQLiteSession(path: path, isReadOnly: true).findIssuer(name: name, identity: identity)
  }
}

extension Schema {
  /// Refuses what is not ours, or of another version, and sets nothing.
  static func checkWithoutWriting(_ connection: SQLiteConnection) throws(StoreError) {
    guard try connection.integer("PRAGMA application_id") == applicationID,
      try connection.integer("PRAGMA user_version") == version
    else {
      throw StoreError(
        kind: .corrupt,
        description: "database \(connection.path): this is no database of Avouch with version \(version) of its tables")
    }
  }
}
