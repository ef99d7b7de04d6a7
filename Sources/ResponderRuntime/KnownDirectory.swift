import Responder
import Synchronization

/// What the answer cache has to know of the directory, to look whether answers from the store are what was signed.
final class KnownDirectory: Sendable {
  private let directory: Mutex<IssuerDirectory>

  init(_ directory: IssuerDirectory) {
    self.directory = Mutex(directory)
  }

  /// Takes a newer directory, in which every number means the same.
  func adopt(_ newer: IssuerDirectory) {
    directory.withLock { $0 = newer }
  }

  /// The octets that end the responses of a credential; nil for one that is not known yet.
  func suffix(of credential: CredentialIndex) -> [UInt8]? {
    directory.withLock { directory in
      Int(credential.value) < directory.credentials.entries.count ? directory.credentials[credential].suffix : nil
    }
  }

  /// An answer of the issuer is gone: none of it may be promised to be all there.
  func answersAreMissing(of issuer: IssuerIndex) {
    directory.withLock { $0.issuers[issuer].progress }.answersAreMissing()
  }
}
