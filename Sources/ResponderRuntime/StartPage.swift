import CalendarTime
import OCSP
import Responder

/// One page of the store on its way into memory.
struct StartPage {
  private let issuer: Issuer
  private let hashAlgorithm: HashAlgorithm
  private let isLearnt: Bool
  private let runtime: ResponderRuntime
  private let directory: IssuerDirectory
  private let forms: StoredForms
  private let now: UnixTime
  private let policy: IssuerPolicy
  /// The credential of the last response: nearly all have the same.
  private var known: KnownCredential?

  /// What is looked at of a credential; a table's entry would cost reference counts for each row.
  private struct KnownCredential {
    var id: StoreCredentialID
    var index: CredentialIndex
    var notBefore: UnixTime
    var notAfter: UnixTime
  }
  var asOf = Revision.zero
  private(set) var certificates: UInt64 = 0
  private(set) var loaded: UInt64 = 0
  private(set) var isIncomplete = false

  init(
    _ issuer: Issuer, _ hashAlgorithm: HashAlgorithm, isLearnt: Bool, _ runtime: ResponderRuntime, _ forms: StoredForms
  ) {
    self.issuer = issuer
    self.hashAlgorithm = hashAlgorithm
    self.isLearnt = isLearnt
    self.runtime = runtime
    self.forms = forms
    policy = issuer.policy
    directory = runtime.directory
    now = runtime.clock.now()
  }

  mutating func take(_ row: StoredRow, _ signature: Span<UInt8>) {
    certificates += 1
    if isLearnt { runtime.issued.insert(issuer: issuer.index, serial: row.record.serial) }
    let reading = StatusReading(record: row.record, revision: row.revision, asOf: asOf)
    guard let statement = AnswerBuilder.statement(for: reading, policy: policy, now: now) else { return }
    guard let response = row.response, let credential = credential(response.credential),
      policy.admits(response.times, notBefore: credential.notBefore, notAfter: credential.notAfter, now: now),
      let publication = publish(row, response, signature, statement)
    else {
      // An expired certificate is answered for on demand; nobody should need it often.
      if !row.record.hasEnded(at: now) { isIncomplete = true }
      return
    }
    switch publication {
    case .stored, .notKept:
      loaded += 1
      if credential.index != issuer.credentialIndex { isIncomplete = true }
    case .superseded: break
    case .readStatusAgain: isIncomplete = true
    }
  }

  private mutating func credential(_ id: StoreCredentialID) -> KnownCredential? {
    if let known, known.id == id { return known }
    known = directory.credentials.index(of: id).map { index in
      let credential = directory.credentials[index].credential
      return KnownCredential(id: id, index: index, notBefore: credential.notBefore, notAfter: credential.notAfter)
    }
    return known
  }

  /// By the form of its neighbours where there is one, else with all its octets. Nil where it has to be signed anew.
  private func publish(
    _ row: StoredRow, _ response: StoredRow.Response, _ signature: Span<UInt8>, _ statement: AnswerBuilder.Statement
  ) -> AnswerCache.Publication? {
    let key = ResponseKey(issuer: issuer.index, hashAlgorithm: hashAlgorithm, serial: row.record.serial)
    // A certificate's own extensions are like no other's.
    let kind =
      row.record.singleExtensions.isEmpty
      ? StoredForms.Kind(key, response.credential, row.record.revocation, signatureCount: signature.count) : nil
    if let kind, let form = forms[kind] {
      let stored = StoredAnswer(
        key: key, revision: row.revision, times: response.times, revocationTime: row.record.revocation?.time,
        digestPrefix: response.digestPrefix)
      let publication = runtime.cache.publish(stored, signature: signature, form: form, asOf: asOf, now: now)
      if let publication { return publication }
    }
    let whole = StoredResponse(
      issuer: issuer.storeID, hashAlgorithm: hashAlgorithm, serial: row.record.serial, revision: row.revision,
      times: response.times, credential: response.credential, signature: signature.indices.map { signature[$0] },
      digestPrefix: response.digestPrefix)
    guard let answer = runtime.rebuild(whole, statement: statement, key: key, directory) else { return nil }
    let publication = runtime.cache.publish(answer, asOf: asOf, now: now)
    if publication == .stored, let kind { forms.learn(kind, from: answer) }
    return publication
  }
}

/// What stored answers look like, kind by kind: of one reader.
final class StoredForms {
  struct Kind: Equatable {
    fileprivate let number: UInt64
    fileprivate let credential: StoreCredentialID

    init(_ key: ResponseKey, _ credential: StoreCredentialID, _ revocation: Revocation?, signatureCount: Int) {
      self.credential = credential
      let status: UInt64 =
        switch revocation?.reason {
        case .none: revocation == nil ? 0 : 1
        case .some(let reason): UInt64(reason.rawValue) + 2
        }
      number =
        UInt64(key.issuer.value) | UInt64(key.hashAlgorithm.rawValue) << 16 | UInt64(key.serial.count) << 24
        | UInt64(min(signatureCount, 0xFFFF)) << 32 | status << 48
    }

    fileprivate var place: Int {
      Int(truncatingIfNeeded: ((number &+ UInt64(bitPattern: credential.value)) &* 0x9E37_79B9_7F4A_7C15) >> 56)
    }
  }

  private let cache: AnswerCache
  /// Direct-mapped: a kind that is not there costs the long way.
  private var entries: [(kind: Kind, form: StoredForm)?] = Array(repeating: nil, count: 256)

  init(_ cache: AnswerCache) {
    self.cache = cache
  }

  deinit {
    for entry in entries { if let entry { cache.release(entry.form) } }
  }

  subscript(kind: Kind) -> StoredForm? {
    guard let entry = entries[kind.place], entry.kind == kind else { return nil }
    return entry.form
  }

  /// Takes the form of an answer that has just come in with all its octets.
  func learn(_ kind: Kind, from answer: Answer) {
    guard let form = cache.form(of: answer) else { return }
    if let old = entries[kind.place] { cache.release(old.form) }
    entries[kind.place] = (kind, form)
  }
}
