import CalendarTime
import Metrics
import OCSP
import Responder

/// Keeps answers that are in memory in the store, many at once and in the order of their serials: what the first signing
/// of all has made. Used by the loader's thread alone.
final class AnswerKeeper {
  private let runtime: ResponderRuntime
  private let session: any StatusStoreSession

  init(runtime: ResponderRuntime, session: any StatusStoreSession) {
    self.runtime = runtime
    self.session = session
  }

  /// - Parameter certificates: those of one page whose answers the store does not have.
  func keep(
    _ certificates: [ScannedCertificate], of issuer: Issuer, _ algorithm: HashAlgorithm
  ) throws(StoreError) {
    let credentials = runtime.directory.credentials
    var responses: [StoredResponse] = []
    responses.reserveCapacity(certificates.count)
    for scanned in certificates {
      let key = ResponseKey(issuer: issuer.index, hashAlgorithm: algorithm, serial: scanned.record.serial)
      if let response = stored(key, scanned.revision, issuer, credentials) { responses.append(response) }
    }
    if !responses.isEmpty { try session.save(responses, at: runtime.clock.now()) }
  }

  private func stored(
    _ key: ResponseKey, _ revision: Revision, _ issuer: Issuer, _ credentials: CredentialTable
  ) -> StoredResponse? {
    var octets = [UInt8](repeating: 0, count: 8 << 10)
    var span = octets.mutableSpan
    guard let held = runtime.cache.peek(key), held.revision == revision,
      let head = runtime.cache.copy(key, now: runtime.clock.now(), into: &span), head.times == held.times
    else { return nil }
    let entry = credentials[head.credential]
    let response = Array(octets[..<head.prefixCount]) + entry.suffix
    guard let signature = try? BasicOCSPResponse.signature(in: response) else { return nil }
    return StoredResponse(
      issuer: issuer.storeID, hashAlgorithm: key.hashAlgorithm, serial: key.serial, revision: revision,
      times: head.times, credential: entry.storeID, signature: signature, digestPrefix: head.digest.prefixWord)
  }
}

/// How far an issuer's first answers of all are kept: in rounds while they are being signed, since a token may take hours
/// over them and what it has signed must not be lost with the process, and in a last one once all are signed. A round takes more
/// of a processor than the signatures that it keeps: a key in memory, which signs ten million in two minutes, is left alone for
/// five.
struct KeepingRounds {
  private static let firstPauseNanoseconds: Int64 = 60_000_000_000
  private static let pauseNanoseconds: Int64 = 300_000_000_000

  /// Where the round under way is; nil between two.
  var cursor: PageCursor?
  /// When the next round begins, where the signing is not over before: monotonic nanoseconds.
  private var next: Int64
  private var isLast = false

  /// - Parameter isInToken: whether the key that signs is: then the first round comes soon.
  init(isInToken: Bool, now: Int64) {
    next = now + (isInToken ? KeepingRounds.firstPauseNanoseconds : KeepingRounds.pauseNanoseconds)
  }

  var isOver: Bool { isLast && cursor == nil }

  /// Begins a round where it is time for one. False between two.
  ///
  /// - Parameter isSigned: whether nothing is to be signed any more.
  mutating func takesPage(_ issuer: Issuer, isSigned: Bool, now: Int64) -> Bool {
    if isSigned, !isLast { (isLast, cursor) = (true, PageCursor(issuer)) }
    if cursor == nil, now >= next { cursor = PageCursor(issuer) }
    return cursor != nil
  }

  mutating func pageIsKept(now: Int64) {
    guard cursor?.algorithm == nil else { return }
    cursor = nil
    next = now + KeepingRounds.pauseNanoseconds
  }

  /// Where to go on from when there is no time for another round.
  func lastCursor(_ issuer: Issuer) -> PageCursor {
    isLast ? cursor ?? PageCursor(issuer) : PageCursor(issuer)
  }
}
