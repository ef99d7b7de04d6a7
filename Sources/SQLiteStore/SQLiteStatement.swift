import CSQLite
import Glibc
import Responder

/// A prepared statement: bind, step, read columns, reset. Columns and parameters are numbered as SQLite numbers them,
/// columns from 0 and parameters from 1.
@safe
final class SQLiteStatement {
  private let handle: OpaquePointer
  private let connection: SQLiteConnection

  init(_ handle: OpaquePointer, connection: SQLiteConnection) {
    unsafe self.handle = unsafe handle
    self.connection = connection
  }

  deinit {
    unsafe sqlite3_finalize(handle)
  }

  /// What SQLite plans for it: the detail column of EXPLAIN QUERY PLAN, one line a step.
  func queryPlan() throws(StoreError) -> [String] {
    let sql = unsafe String(cString: sqlite3_sql(handle))
    let explain = try connection.prepare("EXPLAIN QUERY PLAN " + sql)
    var lines: [String] = []
    while try explain.step() { lines.append(explain.text(3)) }
    return lines
  }

  // MARK: - Running

  /// True while there is a row.
  func step() throws(StoreError) -> Bool {
    switch unsafe sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code:
      let error = connection.error(code, doing: unsafe "running '\(String(cString: sqlite3_sql(handle)))'")
      unsafe sqlite3_reset(handle)
      throw error
    }
  }

  /// Runs a statement that gives no rows, and makes it ready to run again.
  func run() throws(StoreError) {
    _ = try step()
    reset()
  }

  func reset() {
    unsafe sqlite3_reset(handle)
    unsafe sqlite3_clear_bindings(handle)
  }

  // MARK: - Parameters

  func bind(_ parameter: Int32, _ value: Int64?) {
    if let value {
      unsafe sqlite3_bind_int64(handle, parameter, value)
    } else {
      unsafe sqlite3_bind_null(handle, parameter)
    }
  }

  func bind(_ parameter: Int32, _ value: String) {
    // With its length: a name may have a NUL in it, and another one may begin alike.
    var value = value
    _ = value.withUTF8 { octets in
      unsafe sqlite3_bind_text(
        handle, parameter, octets.baseAddress, Int32(octets.count), avouch_sqlite_transient())
    }
  }

  func bind(_ parameter: Int32, _ value: [UInt8]?) {
    guard let value else {
      unsafe sqlite3_bind_null(handle, parameter)
      return
    }
    _ = unsafe value.withUnsafeBytes { octets in
      // A zero-length blob needs a pointer that is not null, or it becomes NULL.
      if let base = octets.baseAddress, octets.count > 0 {
        unsafe sqlite3_bind_blob64(handle, parameter, base, UInt64(octets.count), avouch_sqlite_transient())
      } else {
        unsafe sqlite3_bind_zeroblob(handle, parameter, 0)
      }
    }
  }

  // MARK: - Columns

  func isNull(_ column: Int32) -> Bool {
    unsafe sqlite3_column_type(handle, column) == SQLITE_NULL
  }

  func integer(_ column: Int32) -> Int64 {
    unsafe sqlite3_column_int64(handle, column)
  }

  func optionalInteger(_ column: Int32) -> Int64? {
    isNull(column) ? nil : integer(column)
  }

  func text(_ column: Int32) -> String {
    guard let octets = unsafe sqlite3_column_text(handle, column) else { return "" }
    return unsafe String(cString: octets)
  }

  /// Gives `body` the octets where they are: good until the next step.
  func withBlob(_ column: Int32, _ body: (Span<UInt8>) -> Void) {
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    guard count > 0, let base = unsafe sqlite3_column_blob(handle, column) else { return body(Span()) }
    unsafe body(Span(_unsafeStart: base.assumingMemoryBound(to: UInt8.self), count: count))
  }

  /// Negative, zero or positive, as SQLite orders blobs.
  func compareBlob(_ column: Int32, with other: SQLiteStatement, _ otherColumn: Int32) -> Int {
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    let otherCount = unsafe Int(sqlite3_column_bytes(other.handle, otherColumn))
    guard count > 0, otherCount > 0, let mine = unsafe sqlite3_column_blob(handle, column),
      let its = unsafe sqlite3_column_blob(other.handle, otherColumn)
    else { return count - otherCount }
    let order = unsafe Int(memcmp(mine, its, min(count, otherCount)))
    return order != 0 ? order : count - otherCount
  }

  func blob(_ column: Int32) -> [UInt8] {
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    guard count > 0, let base = unsafe sqlite3_column_blob(handle, column) else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: base, count: count))
  }
}
