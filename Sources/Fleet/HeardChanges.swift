import OCSP
import Responder

/// The changes that a node has heard of: what is fetched from the shared level must not be older, even where a new master
/// has lost the write that came with the news (invariant 1). Pure; bounded: the oldest are forgotten first.
struct HeardChanges {
  private let limit: Int
  private var revisions: [SharedKey: Revision] = [:]
  private var order: [SharedKey] = []
  private var firstInOrder = 0
  /// The newest revision of all whose news have come.
  private(set) var newest = Revision.zero

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { revisions.count }

  /// News of a change.
  ///
  /// - Parameter key: with any hash algorithm: a change is one of the certificate.
  mutating func hear(_ key: SharedKey, _ revision: Revision) {
    newest = max(newest, revision)
    remember(key, revision)
  }

  /// A revocation that was read in the shared level: its news may be on their way. What other news have been heard is
  /// another question, so `newest` stays.
  mutating func remember(_ key: SharedKey, _ revision: Revision) {
    let key = HeardChanges.ofCertificate(key)
    if let held = revisions[key] {
      revisions[key] = max(held, revision)
      return
    }
    revisions[key] = revision
    order.append(key)
    guard revisions.count > limit else { return }
    revisions[order[firstInOrder]] = nil
    firstInOrder += 1
    if firstInOrder > limit {
      order.removeFirst(firstInOrder)
      firstInOrder = 0
    }
  }

  /// The revision that an answer must have at least.
  func revision(of key: SharedKey) -> Revision {
    revisions[HeardChanges.ofCertificate(key)] ?? .zero
  }

  private static func ofCertificate(_ key: SharedKey) -> SharedKey {
    SharedKey(issuer: key.issuer, hashAlgorithm: .sha1, serial: key.serial)
  }
}
