import Configuration
import OCSP
import OpenSSLCrypto
import Responder
import SQLiteStore

/// A command's way to one issuer's part of the store, to change it.
struct StoreAccess {
  let configuration: LoadedConfiguration
  let issuerName: String
  let certificate: Certificate
  let session: any StatusStoreSession
  let issuer: StoreIssuerID

  /// - Parameter create: whether a store that is missing may be made, and the issuer in it.
  init(configurationPath: String, issuerName: String, create: Bool) throws {
    self.issuerName = issuerName
    configuration = try LoadedConfiguration(path: configurationPath)
    try configuration.expectOrigin()
    certificate = try configuration.certificate(ofIssuer: issuerName)
    if !create { try configuration.expectStore() }
    let store = try SQLiteStore(path: configuration.storePath, create: create)
    let identity = IssuerIdentity(certificate).storeIdentity
    session = try store.openSession()
    if create {
      issuer = try session.issuer(name: issuerName, identity: identity)
      return
    }
    guard let recorded = try store.recordedIssuer(name: issuerName, identity: identity) else {
      throw CommandFailure.no(
        "\(configuration.storePath): the store has nothing of issuer '\(issuerName)'; import its records first")
    }
    issuer = recorded
  }
}

/// A command's way to look at one issuer's part of the store: nothing is written, not even that the issuer exists.
struct StoreView {
  let configuration: LoadedConfiguration
  let session: any StatusStoreSession
  /// Nil where the store has nothing of that issuer.
  let issuer: StoreIssuerID?

  init(configurationPath: String, issuerName: String) throws {
    configuration = try LoadedConfiguration(path: configurationPath)
    try configuration.expectOrigin()
    let certificate = try configuration.certificate(ofIssuer: issuerName)
    try configuration.expectStore()
    let store = try SQLiteStore(readingFrom: configuration.storePath)
    session = try store.openSession()
    issuer = try store.recordedIssuer(
      name: issuerName, identity: IssuerIdentity(certificate).storeIdentity)
  }

  /// What is on record of one certificate; no record where there is none, or nothing of the issuer.
  func status(_ serial: SerialNumber) throws -> StatusReading {
    guard let issuer else {
      return StatusReading(record: nil, revision: .zero, asOf: try session.latestRevision())
    }
    return try session.status(issuer: issuer, serial: serial)
  }

  /// The responses that are kept of it.
  func responses(_ serial: SerialNumber) throws -> [StoredResponse] {
    guard let issuer else { return [] }
    var found: [StoredResponse] = []
    for hash in HashAlgorithm.allCases {
      if let response = try session.response(issuer: issuer, hashAlgorithm: hash, serial: serial) {
        found.append(response)
      }
    }
    return found
  }
}

extension LoadedConfiguration {
  /// Refuses what only a node with a status store can do.
  fileprivate func expectOrigin() throws(CommandFailure) {
    guard !value.isEdge else {
      throw .no("\(path): role is \"edge\", and an edge has no status store; run this where the origin runs")
    }
  }

  /// Refuses a store that is not there yet in plainer words than the database has.
  func expectStore() throws(CommandFailure) {
    guard Files.exists(storePath) else {
      throw .no("\(storePath): there is no such store; import the CA's records first (avouch import)")
    }
  }

  func certificate(ofIssuer name: String) throws -> Certificate {
    let path = resolved(try issuer(name).certificate)
    return try Certificate(file: try Files.read(path, what: "the CA's certificate"), name: path)
  }
}
