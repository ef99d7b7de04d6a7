/// Which changes caches have to be told of. Pure: the same rule for every store.
public enum PurgeRule {
  /// Whether a cache may hold an answer that contradicts what is written now.
  ///
  /// - Parameters:
  ///   - held: what the store had; nil for a serial that is new.
  ///   - written: what it has now.
  ///   - isCachedUnissued: whether caches may hold answers of the issuer that say "not issued".
  public static func wantsPurge(
    held: CertificateRecord?, written: CertificateRecord, isCachedUnissued: Bool
  ) -> Bool {
    guard let held else { return isCachedUnissued }
    // Not of notAfter: no answer says it.
    return held.revocation != written.revocation || held.singleExtensions != written.singleExtensions
  }
}
