import CSQLite
import Responder

/// One connection to the database file. Belongs to one thread at a time.
@safe
final class SQLiteConnection {
  /// How long others are waited for that write, in milliseconds.
  static let patience: Int32 = 10_000

  let path: String
  private let handle: OpaquePointer
  private var patience: Int32 = 0

  /// Opens the file for reading and writing.
  ///
  /// - Parameter create: whether a file that is missing may be made.
  init(path: String, create: Bool) throws(StoreError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0)
    let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let opened = unsafe opened else {
      let error = unsafe SQLiteConnection.error(code, handle: opened, path: path, doing: "opening", waited: 0)
      unsafe sqlite3_close(opened)
      throw error
    }
    unsafe handle = unsafe opened
    self.path = path
    unsafe sqlite3_extended_result_codes(handle, 1)
    // Another process may be importing: wait for it rather than fail at once.
    waitForWriters(milliseconds: SQLiteConnection.patience)
  }

  deinit {
    unsafe sqlite3_close_v2(handle)
  }

  /// From here on a statement that needs the write lock fails with `.busy` after waiting so long for another connection; with
  /// 0 at once.
  func waitForWriters(milliseconds: Int32) {
    patience = milliseconds
    unsafe sqlite3_busy_timeout(handle, milliseconds)
  }

  /// Runs statements that return no rows.
  func execute(_ sql: String) throws(StoreError) {
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code, doing: "running '\(sql)'") }
  }

  func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
    var statement: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement = unsafe statement else { throw error(code, doing: "preparing '\(sql)'") }
    return unsafe SQLiteStatement(statement, connection: self)
  }

  /// One integer from a pragma or query that gives exactly one.
  func integer(_ sql: String) throws(StoreError) -> Int64 {
    let statement = try prepare(sql)
    guard try statement.step() else { return 0 }
    return statement.integer(0)
  }

  /// How many rows the last statement that changed any has changed.
  var changedRows: Int { unsafe Int(sqlite3_changes64(handle)) }

  /// Runs `body` in one transaction that holds the write lock from its start; any error undoes everything.
  func transaction<Result>(_ body: () throws -> Result) throws -> Result {
    try execute("BEGIN IMMEDIATE")
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // After some errors (disk full) SQLite has rolled back by itself, and this says so: nothing to do.
      _ = try? execute("ROLLBACK")
      throw error
    }
  }

  /// The same with the one error type of the store.
  func storeTransaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    do {
      return try transaction(body)
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(kind: .misuse, description: "\(path): \(error)")
    }
  }

  func error(_ code: Int32, doing: String) -> StoreError {
    unsafe SQLiteConnection.error(code, handle: handle, path: path, doing: doing, waited: patience)
  }

  private static func error(
    _ code: Int32, handle: OpaquePointer?, path: String, doing: String, waited: Int32
  ) -> StoreError {
    let message = unsafe handle.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
    let kind: StoreError.Kind =
      switch code & 0xFF {
      case SQLITE_BUSY, SQLITE_LOCKED: .busy
      case SQLITE_FULL: .full
      case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
      case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_IOERR, SQLITE_AUTH: .inaccessible
      default: .misuse
      }
    let patience = waited > 0 ? ", and did not end within \(waited / 1000) s: try again" : ""
    let explanation = kind == .busy ? "; another command is writing\(patience)" : ""
    return StoreError(kind: kind, description: "database \(path): \(message) (while \(doing))\(explanation)")
  }
}
