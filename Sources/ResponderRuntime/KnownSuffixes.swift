import Responder
import Synchronization

/// The octets that end the responses of each credential, for whoever looks whether a response is what was signed.
final class KnownSuffixes: Sendable {
  private let table: Mutex<CredentialTable>

  init(_ table: CredentialTable) {
    self.table = Mutex(table)
  }

  /// Takes a newer table, in which every index means the same.
  func adopt(_ newer: CredentialTable) {
    table.withLock { $0 = newer }
  }

  /// Nil for a credential that is not known yet.
  subscript(credential: CredentialIndex) -> [UInt8]? {
    table.withLock { table in
      Int(credential.value) < table.entries.count ? table[credential].suffix : nil
    }
  }
}
