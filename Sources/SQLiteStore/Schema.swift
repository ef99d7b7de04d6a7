import Responder

/// The tables, and how a database file becomes ours.
enum Schema {
  /// "AVCH": in the file's header, so that `file` and a wrong path in the configuration are told apart.
  static let applicationID: Int64 = 0x4156_4348
  static let version: Int64 = 5

  /// CRLReason of RFC 5280 5.3.1.
  static let certificateHold = 6

  /// Nothing but a quicker way: a program that does not know of it keeps it up to date all the same, so that it needs no
  /// version of its own.
  private static let indexOfHolds = """
    CREATE INDEX IF NOT EXISTS certificates_on_hold ON certificates (issuer, reason, serial) WHERE reason = \(certificateHold)
    """

  /// - `certificates.revision` and `responses.revision` are numbers of `state.revision`, which only grows.
  /// - `state.identity` tells this store from every other one, wherever the file is moved.
  /// - `state.purging`: how many caches changes are put in line for; with none, a change costs no look at their tables.
  /// - `events.event_id` is null for what did not come as a message; `digest`, `changed` and `unchanged` are what a message
  ///   that comes again is recognised by and answered with.
  /// - `issuers.compromised_since`: since when nothing of the issuer can be relied on; null while it can.
  /// - `serial` is the content octets of the DER INTEGER; times are seconds since 1970; a null `revoked_at` is good.
  private static let statements = """
    CREATE TABLE state (
      id INTEGER PRIMARY KEY CHECK (id = 0),
      revision INTEGER NOT NULL,
      identity BLOB,
      purging INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO state (id, revision, identity) VALUES (0, 0, randomblob(16));
    CREATE TABLE issuers (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      identity BLOB NOT NULL,
      compromised_since INTEGER
    ) STRICT;
    CREATE TABLE certificates (
      issuer INTEGER NOT NULL REFERENCES issuers (id),
      serial BLOB NOT NULL,
      not_after INTEGER,
      revoked_at INTEGER,
      reason INTEGER,
      extensions BLOB,
      revision INTEGER NOT NULL,
      PRIMARY KEY (issuer, serial)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX certificates_by_revision ON certificates (revision, issuer, serial);
    CREATE TABLE events (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      event_id TEXT UNIQUE,
      at INTEGER NOT NULL,
      issuer INTEGER NOT NULL REFERENCES issuers (id),
      revision INTEGER NOT NULL,
      what TEXT NOT NULL,
      digest BLOB,
      changed INTEGER,
      unchanged INTEGER
    ) STRICT;
    CREATE INDEX events_by_message ON events (at) WHERE event_id IS NOT NULL;
    """

  /// - `credentials`: all of an answer that depends on the signer; `certificates` holds them one after the other.
  /// - `responses.credential` is in whose name the signature was made.
  private static let responseStatements = """
    CREATE TABLE credentials (
      id INTEGER PRIMARY KEY,
      issuer INTEGER NOT NULL REFERENCES issuers (id),
      is_by_name INTEGER NOT NULL,
      responder_id BLOB NOT NULL,
      algorithm BLOB NOT NULL,
      certificates BLOB NOT NULL,
      not_before INTEGER NOT NULL,
      not_after INTEGER NOT NULL,
      UNIQUE (issuer, is_by_name, responder_id, algorithm, certificates)
    ) STRICT;
    CREATE TABLE responses (
      issuer INTEGER NOT NULL REFERENCES issuers (id),
      hash INTEGER NOT NULL,
      serial BLOB NOT NULL,
      revision INTEGER NOT NULL,
      credential INTEGER NOT NULL REFERENCES credentials (id),
      produced_at INTEGER NOT NULL,
      next_update INTEGER NOT NULL,
      refresh_at INTEGER NOT NULL,
      digest_prefix INTEGER NOT NULL,
      signature BLOB NOT NULL,
      PRIMARY KEY (issuer, hash, serial)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX responses_by_plan ON responses (issuer, refresh_at);
    CREATE INDEX responses_by_end ON responses (issuer, next_update);
    """

  /// What caches in front of the responder have to be told of.
  /// - `purge_caches`: whom changes are put in line for, by the name in the configuration.
  /// - `purge_unissued`: issuers whose answers for serials that were not issued may be cached too.
  /// - `purges.revision`, `since`: of the newest and of the oldest change that want it. `not_before` is 0 until it was tried.
  /// - The first index has both lines in their order, what is new and what was put off. The second has the oldest of what
  ///   was tried and is not purged: what is new, and what goes well, costs nothing there.
  private static let purgeStatements = """
    CREATE TABLE purge_caches (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE purge_unissued (
      issuer INTEGER PRIMARY KEY REFERENCES issuers (id)
    ) STRICT;
    CREATE TABLE purges (
      cache INTEGER NOT NULL REFERENCES purge_caches (id),
      issuer INTEGER NOT NULL REFERENCES issuers (id),
      serial BLOB NOT NULL,
      revision INTEGER NOT NULL,
      since INTEGER NOT NULL,
      is_revocation INTEGER NOT NULL,
      not_before INTEGER NOT NULL,
      failures INTEGER NOT NULL,
      is_repetition INTEGER NOT NULL,
      PRIMARY KEY (cache, issuer, serial)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX purges_in_order ON purges (cache, not_before, is_revocation, revision);
    CREATE INDEX purges_failing ON purges (cache, since) WHERE not_before > 0 AND is_repetition = 0;
    """

  /// Makes a new file ours, and refuses one that is another program's or another version's.
  static func prepare(_ connection: SQLiteConnection) throws(StoreError) {
    // Before anything is written: another program's file stays as it is.
    if try connection.integer("PRAGMA application_id") != applicationID { try refuseForeign(connection) }
    try connection.execute("PRAGMA journal_mode = WAL")
    if try connection.integer("PRAGMA application_id") == applicationID {
      try check(connection)
      return
    }
    try connection.storeTransaction { () throws(StoreError) in
      // Another process may have done it while we waited for the lock.
      if try connection.integer("PRAGMA application_id") == applicationID { return }
      try refuseForeign(connection)
      try connection.execute(statements)
      try connection.execute(responseStatements)
      try connection.execute(purgeStatements)
      try connection.execute("PRAGMA application_id = \(applicationID)")
      try connection.execute("PRAGMA user_version = \(version)")
    }
    try check(connection)
  }

  private static func refuseForeign(_ connection: SQLiteConnection) throws(StoreError) {
    guard try connection.integer("SELECT count(*) FROM sqlite_schema") > 0 else { return }
    // Another process may have made it ours between the two looks.
    guard try connection.integer("PRAGMA application_id") != applicationID else { return }
    throw StoreError(
      kind: .corrupt,
      description: "database \(connection.path): this is a SQLite database of another program, not of Avouch; "
        + "name a file that does not exist yet, or Avouch's own")
  }

  private static func check(_ connection: SQLiteConnection) throws(StoreError) {
    if try connection.integer("PRAGMA user_version") == 1 { try migrateFromFirst(connection) }
    if try connection.integer("PRAGMA user_version") == 2 { try migrateFromSecond(connection) }
    if try connection.integer("PRAGMA user_version") == 3 { try migrateFromThird(connection) }
    if try connection.integer("PRAGMA user_version") == 4 { try migrateFromFourth(connection) }
    let found = try connection.integer("PRAGMA user_version")
    guard found == version else {
      throw StoreError(
        kind: .corrupt,
        description:
          "database \(connection.path): its schema has version \(found); this Avouch reads version \(version)")
    }
    // Looked for first: the statement would wait for whoever writes.
    if try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'certificates_on_hold'") == 0 {
      try connection.execute(indexOfHolds)
    }
  }

  /// Version 1 did not know in whose name its responses were signed. They are only a head start: without them they are
  /// signed again.
  private static func migrateFromFirst(_ connection: SQLiteConnection) throws(StoreError) {
    try connection.storeTransaction { () throws(StoreError) in
      guard try connection.integer("PRAGMA user_version") == 1 else { return }
      try connection.execute("DROP TABLE responses")
      try connection.execute(responseStatements)
      try connection.execute("PRAGMA user_version = 2")
    }
  }

  /// Version 2 could not be told from another store.
  private static func migrateFromSecond(_ connection: SQLiteConnection) throws(StoreError) {
    try connection.storeTransaction { () throws(StoreError) in
      guard try connection.integer("PRAGMA user_version") == 2 else { return }
      try connection.execute("ALTER TABLE state ADD COLUMN identity BLOB")
      try connection.execute("UPDATE state SET identity = randomblob(16)")
      try connection.execute("PRAGMA user_version = 3")
    }
  }

  /// Version 3 did not remember what a message had done, nor that an issuer was compromised.
  private static func migrateFromThird(_ connection: SQLiteConnection) throws(StoreError) {
    try connection.storeTransaction { () throws(StoreError) in
      guard try connection.integer("PRAGMA user_version") == 3 else { return }
      try connection.execute("ALTER TABLE events ADD COLUMN digest BLOB")
      try connection.execute("ALTER TABLE events ADD COLUMN changed INTEGER")
      try connection.execute("ALTER TABLE events ADD COLUMN unchanged INTEGER")
      try connection.execute("CREATE INDEX events_by_message ON events (at) WHERE event_id IS NOT NULL")
      try connection.execute("ALTER TABLE issuers ADD COLUMN compromised_since INTEGER")
      try connection.execute("PRAGMA user_version = 4")
    }
  }

  /// Version 4 told no cache of changes.
  private static func migrateFromFourth(_ connection: SQLiteConnection) throws(StoreError) {
    try connection.storeTransaction { () throws(StoreError) in
      guard try connection.integer("PRAGMA user_version") == 4 else { return }
      try connection.execute("ALTER TABLE state ADD COLUMN purging INTEGER NOT NULL DEFAULT 0")
      try connection.execute(purgeStatements)
      try connection.execute("PRAGMA user_version = 5")
    }
  }
}
