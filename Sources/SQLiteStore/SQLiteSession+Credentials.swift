import CalendarTime
import DER
import OCSP
import Responder

extension SQLiteSession {
  func credential(
    _ credential: SigningCredential, issuer: StoreIssuerID
  ) throws(StoreError) -> StoreCredentialID {
    if let found = try findCredential(credential, issuer, hasItsDates: true) { return found }
    return try connection.storeTransaction { () throws(StoreError) in
      let statement = statements.keepCredential
      bind(credential, issuer, to: statement)
      statement.bind(6, credential.notBefore.seconds)
      statement.bind(7, credential.notAfter.seconds)
      try statement.run()
      guard let made = try findCredential(credential, issuer, hasItsDates: false) else {
        throw StoreError(kind: .misuse, description: "database \(connection.path): a credential was not kept")
      }
      return made
    }
  }

  func credentials(
    issuer: StoreIssuerID, endingAfter time: UnixTime
  ) throws(StoreError) -> [(id: StoreCredentialID, credential: SigningCredential)] {
    let statement = statements.credentials
    statement.bind(1, issuer.value)
    statement.bind(2, time.seconds)
    defer { statement.reset() }
    var found: [(id: StoreCredentialID, credential: SigningCredential)] = []
    while try statement.step() {
      let name = statement.blob(2)
      found.append(
        (
          id: StoreCredentialID(statement.integer(0)),
          credential: SigningCredential(
            responderID: statement.integer(1) == 1 ? .byName(name) : .byKey(name),
            signatureAlgorithm: statement.blob(3), certificates: try certificates(statement.blob(4)),
            notBefore: UnixTime(seconds: statement.integer(5)), notAfter: UnixTime(seconds: statement.integer(6)))
        ))
    }
    return found
  }

  /// - Parameter hasItsDates: only where keeping it would change nothing.
  private func findCredential(
    _ credential: SigningCredential, _ issuer: StoreIssuerID, hasItsDates: Bool
  ) throws(StoreError) -> StoreCredentialID? {
    let statement = statements.findCredential
    bind(credential, issuer, to: statement)
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    let isKept =
      statement.integer(1) <= credential.notBefore.seconds && statement.integer(2) == credential.notAfter.seconds
    return isKept || !hasItsDates ? StoreCredentialID(statement.integer(0)) : nil
  }

  private func bind(_ credential: SigningCredential, _ issuer: StoreIssuerID, to statement: SQLiteStatement) {
    statement.bind(1, issuer.value)
    switch credential.responderID {
    case .byName(let name):
      statement.bind(2, 1 as Int64)
      statement.bind(3, name)
    case .byKey(let hash):
      statement.bind(2, 0 as Int64)
      statement.bind(3, hash)
    }
    statement.bind(4, credential.signatureAlgorithm)
    statement.bind(5, credential.certificates.flatMap { $0 })
  }

  /// DER elements tell where they end: they are kept one after the other.
  private func certificates(_ octets: [UInt8]) throws(StoreError) -> [[UInt8]] {
    var certificates: [[UInt8]] = []
    do throws(DERError) {
      var reader = DERReader(octets.span)
      while !reader.isAtEnd { certificates.append(Array(octets[try reader.readElement().whole])) }
    } catch {
      throw StoreError(
        kind: .corrupt, description: "database \(connection.path): a credential's certificates are damaged: \(error)")
    }
    return certificates
  }
}
