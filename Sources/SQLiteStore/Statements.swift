import Responder

/// Every query the program makes, prepared once a connection. A test asks SQLite for the plan of each one and refuses
/// any that scans a table.
struct Statements {
  let findIssuer: SQLiteStatement
  let insertIssuer: SQLiteStatement
  let identity: SQLiteStatement
  let latestRevision: SQLiteStatement
  let nextRevision: SQLiteStatement
  let status: SQLiteStatement
  let changes: SQLiteStatement
  let counts: SQLiteStatement
  let scan: SQLiteStatement
  let storedCertificates: SQLiteStatement
  let storedResponses: SQLiteStatement
  let revisions: SQLiteStatement
  let serials: SQLiteStatement
  let serialsOnHold: SQLiteStatement
  let upsertCertificate: SQLiteStatement
  let insertEvent: SQLiteStatement
  let findMessage: SQLiteStatement
  let keepMessage: SQLiteStatement
  let forgetMessages: SQLiteStatement
  let compromise: SQLiteStatement
  let keepCompromise: SQLiteStatement
  let response: SQLiteStatement
  let responsesDueByPlan: SQLiteStatement
  let responsesDueByEnd: SQLiteStatement
  let renewals: SQLiteStatement
  let firstRenewal: SQLiteStatement
  let endings: SQLiteStatement
  let firstEnd: SQLiteStatement
  let saveResponse: SQLiteStatement
  let removeResponses: SQLiteStatement
  let findCredential: SQLiteStatement
  let keepCredential: SQLiteStatement
  let credentials: SQLiteStatement
  let purges: PurgeStatements

  init(_ connection: SQLiteConnection) throws(StoreError) {
    findIssuer = try connection.prepare("SELECT id, identity FROM issuers WHERE name = ?1")
    insertIssuer = try connection.prepare("INSERT INTO issuers (name, identity) VALUES (?1, ?2)")
    identity = try connection.prepare("SELECT identity FROM state WHERE id = 0")
    latestRevision = try connection.prepare("SELECT revision FROM state WHERE id = 0")
    nextRevision = try connection.prepare(
      "UPDATE state SET revision = revision + 1 WHERE id = 0 RETURNING revision, purging")
    status = try connection.prepare(
      """
      SELECT s.revision, c.revision, c.not_after, c.revoked_at, c.reason, c.extensions
      FROM state s LEFT JOIN certificates c ON c.issuer = ?1 AND c.serial = ?2 WHERE s.id = 0
      """)
    changes = try connection.prepare(
      """
      SELECT revision, issuer, serial, not_after, revoked_at, reason, extensions FROM certificates
      WHERE (revision, issuer, serial) > (?1, ?2, ?3) ORDER BY revision, issuer, serial LIMIT ?4
      """)
    counts = try connection.prepare("SELECT count(*), count(revoked_at) FROM certificates WHERE issuer = ?1")
    serials = try connection.prepare(
      "SELECT serial FROM certificates WHERE issuer = ?1 AND serial > ?2 ORDER BY serial LIMIT ?3")
    // The index is over these rows alone, and is found by the same words.
    serialsOnHold = try connection.prepare(
      """
      SELECT serial FROM certificates WHERE issuer = ?1 AND serial > ?2 AND reason = \(Schema.certificateHold)
      ORDER BY serial LIMIT ?3
      """)
    revisions = try connection.prepare(
      "SELECT serial, revision FROM certificates WHERE issuer = ?1 AND serial > ?2 ORDER BY serial LIMIT ?3")
    scan = try connection.prepare(
      """
      SELECT c.serial, c.revision, c.not_after, c.revoked_at, c.reason, c.extensions,
        r.produced_at, r.next_update, r.refresh_at, r.digest_prefix, r.signature, r.credential
      FROM certificates c
      LEFT JOIN responses r ON r.issuer = c.issuer AND r.hash = ?2 AND r.serial = c.serial AND r.revision = c.revision
      WHERE c.issuer = ?1 AND c.serial > ?3 ORDER BY c.serial LIMIT ?4
      """)
    storedCertificates = try connection.prepare(
      """
      SELECT serial, revision, not_after, revoked_at, reason, extensions FROM certificates
      WHERE issuer = ?1 AND serial > ?2 AND serial <= ?3 ORDER BY serial LIMIT ?4
      """)
    storedResponses = try connection.prepare(
      """
      SELECT serial, revision, produced_at, next_update, refresh_at, digest_prefix, credential, signature FROM responses
      WHERE issuer = ?1 AND hash = ?2 AND serial > ?3 AND serial <= ?4 ORDER BY serial
      """)
    upsertCertificate = try connection.prepare(
      """
      INSERT INTO certificates (issuer, serial, not_after, revoked_at, reason, extensions, revision)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      ON CONFLICT (issuer, serial) DO UPDATE SET not_after = excluded.not_after, revoked_at = excluded.revoked_at,
        reason = excluded.reason, extensions = excluded.extensions, revision = excluded.revision
      WHERE excluded.revision >= certificates.revision
      """)
    insertEvent = try connection.prepare(
      "INSERT INTO events (event_id, at, issuer, revision, what) VALUES (?1, ?2, ?3, ?4, ?5)")
    findMessage = try connection.prepare("SELECT digest, revision, changed, unchanged FROM events WHERE event_id = ?1")
    keepMessage = try connection.prepare(
      """
      INSERT INTO events (event_id, at, issuer, revision, what, digest, changed, unchanged)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
      """)
    forgetMessages = try connection.prepare(
      """
      DELETE FROM events WHERE sequence IN
        (SELECT sequence FROM events WHERE event_id IS NOT NULL AND at < ?1 ORDER BY at LIMIT ?2)
      """)
    compromise = try connection.prepare("SELECT compromised_since FROM issuers WHERE id = ?1")
    keepCompromise = try connection.prepare(
      """
      UPDATE issuers SET compromised_since = min(coalesce(compromised_since, ?2), ?2) WHERE id = ?1
      """)
    response = try connection.prepare(
      """
      SELECT r.revision, r.produced_at, r.next_update, r.refresh_at, r.digest_prefix, r.signature, r.credential
      FROM responses r JOIN certificates c ON c.issuer = r.issuer AND c.serial = r.serial AND c.revision = r.revision
      WHERE r.issuer = ?1 AND r.hash = ?2 AND r.serial = ?3
      """)
    let due = """
      SELECT s.revision, r.hash, r.serial, r.next_update,
        c.revision, c.not_after, c.revoked_at, c.reason, c.extensions
      FROM state s CROSS JOIN responses r LEFT JOIN certificates c ON c.issuer = r.issuer AND c.serial = r.serial
      """
    responsesDueByPlan = try connection.prepare(
      "\(due) WHERE s.id = 0 AND r.issuer = ?1 AND r.refresh_at <= ?2 ORDER BY r.refresh_at LIMIT ?3")
    // The plus keeps SQLite from choosing the other index, and sorting.
    responsesDueByEnd = try connection.prepare(
      "\(due) WHERE s.id = 0 AND r.issuer = ?1 AND +r.refresh_at <= ?2 ORDER BY r.next_update LIMIT ?3")
    renewals = try connection.prepare("SELECT count(*) FROM responses WHERE issuer = ?1 AND refresh_at <= ?2")
    firstRenewal = try connection.prepare(
      "SELECT refresh_at FROM responses WHERE issuer = ?1 ORDER BY refresh_at LIMIT 1")
    endings = try connection.prepare(
      "SELECT count(*) FROM responses WHERE issuer = ?1 AND next_update > ?2 AND next_update <= ?3")
    firstEnd = try connection.prepare(
      "SELECT next_update FROM responses WHERE issuer = ?1 AND next_update > ?2 ORDER BY next_update LIMIT 1")
    saveResponse = try connection.prepare(
      """
      INSERT INTO responses
        (issuer, hash, serial, revision, produced_at, next_update, refresh_at, digest_prefix, signature, credential)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
      ON CONFLICT (issuer, hash, serial) DO UPDATE SET revision = excluded.revision,
        produced_at = excluded.produced_at, next_update = excluded.next_update, refresh_at = excluded.refresh_at,
        digest_prefix = excluded.digest_prefix, signature = excluded.signature, credential = excluded.credential
      WHERE excluded.revision > responses.revision
        OR (excluded.revision = responses.revision
          AND (excluded.produced_at >= responses.produced_at OR responses.produced_at > ?11))
      """)
    removeResponses = try connection.prepare("DELETE FROM responses WHERE issuer = ?1 AND hash = ?2 AND serial = ?3")
    findCredential = try connection.prepare(
      """
      SELECT id, not_before, not_after FROM credentials
      WHERE issuer = ?1 AND is_by_name = ?2 AND responder_id = ?3 AND algorithm = ?4 AND certificates = ?5
      """)
    keepCredential = try connection.prepare(
      """
      INSERT INTO credentials (issuer, is_by_name, responder_id, algorithm, certificates, not_before, not_after)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      ON CONFLICT (issuer, is_by_name, responder_id, algorithm, certificates) DO UPDATE SET
        not_before = min(credentials.not_before, excluded.not_before), not_after = excluded.not_after
      """)
    credentials = try connection.prepare(
      """
      SELECT id, is_by_name, responder_id, algorithm, certificates, not_before, not_after FROM credentials
      WHERE issuer = ?1 AND not_after > ?2
      """)
    purges = try PurgeStatements(connection)
  }

  var all: [SQLiteStatement] {
    [
      findIssuer, insertIssuer, identity, latestRevision, nextRevision, status, changes, counts, scan, serials,
      storedCertificates, storedResponses,
      serialsOnHold, revisions,
      upsertCertificate, insertEvent, findMessage, keepMessage, forgetMessages, compromise, keepCompromise, response,
      responsesDueByPlan, responsesDueByEnd, renewals, firstRenewal, endings,
      firstEnd,
      saveResponse,
      removeResponses, findCredential, keepCredential, credentials,
    ] + purges.all
  }
}
