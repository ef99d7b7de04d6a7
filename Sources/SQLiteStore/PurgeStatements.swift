import Responder

/// The queries about the lines of caches; part of `Statements`.
struct PurgeStatements {
  let caches: SQLiteStatement
  let addCache: SQLiteStatement
  let removeCache: SQLiteStatement
  let unissued: SQLiteStatement
  let isUnissued: SQLiteStatement
  let addUnissued: SQLiteStatement
  let removeUnissued: SQLiteStatement
  let cacheCount: SQLiteStatement
  let keepCacheCount: SQLiteStatement
  let order: SQLiteStatement
  let new: SQLiteStatement
  let due: SQLiteStatement
  let nextDue: SQLiteStatement
  let count: SQLiteStatement
  let oldestNew: SQLiteStatement
  let oldestFailing: SQLiteStatement
  let isAfter: SQLiteStatement
  let hurry: SQLiteStatement
  let finish: SQLiteStatement
  let putOff: SQLiteStatement
  let unpurged: SQLiteStatement
  let drop: SQLiteStatement

  init(_ connection: SQLiteConnection) throws(StoreError) {
    // `> 0` holds for every row, and makes a search of what would be a scan.
    caches = try connection.prepare("SELECT id, name FROM purge_caches WHERE id > 0")
    addCache = try connection.prepare("INSERT INTO purge_caches (name) VALUES (?1)")
    removeCache = try connection.prepare("DELETE FROM purge_caches WHERE id = ?1")
    unissued = try connection.prepare("SELECT issuer FROM purge_unissued WHERE issuer > 0")
    isUnissued = try connection.prepare("SELECT 1 FROM purge_unissued WHERE issuer = ?1")
    addUnissued = try connection.prepare("INSERT INTO purge_unissued (issuer) VALUES (?1)")
    removeUnissued = try connection.prepare("DELETE FROM purge_unissued WHERE issuer = ?1")
    cacheCount = try connection.prepare("SELECT purging FROM state WHERE id = 0")
    keepCacheCount = try connection.prepare(
      "UPDATE state SET purging = (SELECT count(*) FROM purge_caches WHERE id > 0) WHERE id = 0")
    order = try connection.prepare(
      """
      INSERT INTO purges (cache, issuer, serial, revision, since, is_revocation, not_before, failures, is_repetition)
      SELECT id, ?1, ?2, ?3, ?4, ?5, 0, 0, 0 FROM purge_caches WHERE id > 0
      ON CONFLICT (cache, issuer, serial) DO UPDATE SET revision = excluded.revision,
        since = min(purges.since, excluded.since), is_revocation = excluded.is_revocation,
        not_before = 0, failures = 0, is_repetition = 0
      """)
    let cache = "cache = (SELECT id FROM purge_caches WHERE name = ?1)"
    let columns = "issuer, serial, revision, since, is_revocation, failures, is_repetition"
    new = try connection.prepare(
      """
      SELECT \(columns) FROM purges WHERE \(cache) AND not_before = 0
      ORDER BY is_revocation DESC, revision DESC LIMIT ?2
      """)
    due = try connection.prepare(
      """
      SELECT \(columns) FROM purges WHERE \(cache) AND not_before > 0 AND not_before <= ?2
      ORDER BY not_before LIMIT ?3
      """)
    nextDue = try connection.prepare(
      "SELECT not_before FROM purges WHERE \(cache) AND not_before > 0 ORDER BY not_before LIMIT 1")
    count = try connection.prepare("SELECT count(*) FROM purges WHERE \(cache)")
    oldestNew = try connection.prepare(
      """
      SELECT since FROM purges WHERE \(cache) AND not_before = 0 AND is_revocation = ?2 ORDER BY revision LIMIT 1
      """)
    oldestFailing = try connection.prepare(
      """
      SELECT since FROM purges INDEXED BY purges_failing
      WHERE \(cache) AND not_before > 0 AND is_repetition = 0 ORDER BY since LIMIT 1
      """)
    isAfter = try connection.prepare("SELECT 1 FROM purges WHERE \(cache) AND not_before > ?2 LIMIT 1")
    hurry = try connection.prepare("UPDATE purges SET not_before = ?2 WHERE \(cache) AND not_before > ?2")
    // Of that revision: a newer change stays in line.
    let same = "\(cache) AND issuer = ?2 AND serial = ?3 AND revision = ?4"
    finish = try connection.prepare("DELETE FROM purges WHERE \(same)")
    putOff = try connection.prepare(
      "UPDATE purges SET not_before = ?5, failures = ?6, is_repetition = ?7 WHERE \(same)")
    unpurged = try connection.prepare("SELECT count(*) FROM purges WHERE cache = ?1 AND is_repetition = 0")
    drop = try connection.prepare("DELETE FROM purges WHERE cache = ?1")
  }

  var all: [SQLiteStatement] {
    [
      caches, addCache, removeCache, unissued, isUnissued, addUnissued, removeUnissued, cacheCount, keepCacheCount,
      order, new, due, nextDue, count, oldestNew, oldestFailing, isAfter, hurry, finish, putOff, unpurged, drop,
    ]
  }
}
