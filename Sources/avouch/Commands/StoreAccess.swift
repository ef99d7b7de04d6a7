import Configuration
import OpenSSLCrypto
import Responder
import SQLiteStore

/// A command's way to one issuer's part of the store.
struct StoreAccess {
  let configuration: LoadedConfiguration
  let certificate: Certificate
  let session: any StatusStoreSession
  let issuer: StoreIssuerID

  /// - Parameter create: whether a store that is missing may be made.
  init(configurationPath: String, issuerName: String, create: Bool) throws {
    configuration = try LoadedConfiguration(path: configurationPath)
    let settings = try configuration.issuer(issuerName)
    let path = configuration.resolved(settings.certificate)
    certificate = try Certificate(file: try Files.read(path, what: "the CA's certificate"), name: path)
    session = try SQLiteStore(path: configuration.storePath, create: create).openSession()
    issuer = try session.issuer(name: issuerName, identity: IssuerIdentity(certificate).storeIdentity)
  }
}
