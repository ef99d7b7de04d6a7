public import Responder

/// The status store in one SQLite file (WAL), shared by the responder and the command line.
public final class SQLiteStore: StatusStore {
  public let path: String

  /// Opens the file, makes its tables where it is new, and checks that it is ours.
  ///
  /// - Parameter create: false refuses a file that is missing, for commands that only look.
  public init(path: String, create: Bool = true) throws(StoreError) {
    self.path = path
    try Schema.prepare(try SQLiteConnection(path: path, create: create))
  }

  public func openSession() throws(StoreError) -> any StatusStoreSession {
    try SQLiteSession(path: path)
  }
}
