import CalendarTime
import OCSP
import Synchronization

/// What thousands of answers have in common: the octets of a response up to its embedded certificates, with gaps where
/// serial, times and signature stand.
///
/// A template is believed in nothing: an answer is kept by it only if `take` has rebuilt just the octets that were signed.
/// Lives at a fixed address, because readers reach it through a pointer.
@safe
struct AnswerTemplate: ~Copyable {
  /// A time that follows from producedAt, or is the same in all answers of the template.
  struct Derived: Sendable, Hashable {
    enum Rule: Sendable, Hashable {
      /// So many seconds after producedAt.
      case after(Int64)
      /// Always this time, which then is among the template's own octets.
      case at(UnixTime)
    }

    var start: Int
    var rule: Rule

    func time(producedAt: UnixTime) -> UnixTime {
      switch rule {
      case .after(let seconds): producedAt.advanced(bySeconds: seconds)
      case .at(let time): time
      }
    }
  }

  /// Which answers may be of one template at all; cheap to compare.
  struct Family: Sendable, Hashable {
    var issuer: IssuerIndex
    var hashAlgorithm: HashAlgorithm
    var credential: CredentialIndex
    var serialCount: Int
    var prefixCount: Int

    init(_ answer: Answer) {
      issuer = answer.key.issuer
      hashAlgorithm = answer.key.hashAlgorithm
      credential = answer.credential
      serialCount = answer.key.serial.count
      prefixCount = answer.prefix.count
    }
  }

  /// Where the gaps are.
  struct Gaps: Sendable, Hashable {
    var serialStart: Int
    var producedAtStart: Int
    var thisUpdateStart: Int
    var revocationStart: Int?
    var nextUpdate: Derived
    var archiveCutoff: Derived?
    var signatureStart: Int
    var signatureCount: Int
  }

  let family: Family
  let gaps: Gaps
  let signatureCoding: SignatureCoding
  /// Octets of a record of this template.
  let recordCount: Int
  let octets: UnsafeMutablePointer<UInt8>
  /// How many records are of this template.
  let uses = Atomic<Int>(0)
  /// Where the packed signature stands in a record.
  private let packedSignatureStart: Int

  /// - Parameter octets: the prefix with its gaps; what stands in them means nothing.
  init(family: Family, gaps: Gaps, signatureCoding: SignatureCoding, octets: [UInt8]) {
    self.family = family
    self.gaps = gaps
    self.signatureCoding = signatureCoding
    packedSignatureStart = CompactRecord.bodyStart + family.serialCount + (gaps.revocationStart == nil ? 0 : 4)
    let count = packedSignatureStart + signatureCoding.packedCount(gaps.signatureCount)
    recordCount = max(CompactRecord.leastCount, (count + 3) & ~3)
    unsafe self.octets = .allocate(capacity: octets.count)
    for (place, octet) in octets.enumerated() { unsafe self.octets[place] = octet }
  }

  deinit {
    unsafe octets.deallocate()
  }

  var prefixCount: Int { family.prefixCount }

  func times(of record: CompactRecord) -> AnswerTimes {
    let producedAt = record.producedAt
    return AnswerTimes(
      producedAt: producedAt, nextUpdate: gaps.nextUpdate.time(producedAt: producedAt),
      refreshAt: producedAt.advanced(bySeconds: record.refreshDelay))
  }

  func isKey(_ key: ResponseKey, of record: CompactRecord) -> Bool {
    guard key.issuer == family.issuer, key.hashAlgorithm == family.hashAlgorithm, key.serial.count == family.serialCount
    else { return false }
    return unsafe key.serial.isEqual(to: record.base + CompactRecord.bodyStart)
  }

  /// The key of a record, for its hash.
  func key(of record: CompactRecord) -> ResponseKey {
    let octets = unsafe UnsafeBufferPointer(
      start: (record.base + CompactRecord.bodyStart).assumingMemoryBound(to: UInt8.self), count: family.serialCount)
    guard let serial = unsafe SerialNumber(content: octets.span) else {
      preconditionFailure("a serial has 1 to 32 octets")
    }
    return ResponseKey(issuer: family.issuer, hashAlgorithm: family.hashAlgorithm, serial: serial)
  }

  // MARK: - Rebuilding

  /// Writes the answer's octets, `prefixCount` of them.
  func rebuild(_ record: CompactRecord, into target: UnsafeMutablePointer<UInt8>) {
    unsafe target.update(from: octets, count: family.prefixCount)
    let body = unsafe UnsafePointer((record.base + CompactRecord.bodyStart).assumingMemoryBound(to: UInt8.self))
    unsafe (target + gaps.serialStart).update(from: body, count: family.serialCount)
    let producedAt = record.producedAt
    unsafe GeneralizedTimeText.write(producedAt, to: target + gaps.producedAtStart)
    unsafe (target + gaps.thisUpdateStart).update(
      from: target + gaps.producedAtStart, count: GeneralizedTimeText.count)
    unsafe write(gaps.nextUpdate, producedAt, to: target)
    if let archiveCutoff = gaps.archiveCutoff { unsafe write(archiveCutoff, producedAt, to: target) }
    if let start = gaps.revocationStart {
      let seconds = unsafe UnsafeRawPointer(body + family.serialCount).loadUnaligned(as: UInt32.self)
      unsafe GeneralizedTimeText.write(UnixTime(seconds: Int64(seconds)), to: target + start)
    }
    let packed = unsafe UnsafePointer((record.base + packedSignatureStart).assumingMemoryBound(to: UInt8.self))
    unsafe signatureCoding.unpack(packed, to: target + gaps.signatureStart, count: gaps.signatureCount)
  }

  private func write(_ derived: Derived, _ producedAt: UnixTime, to target: UnsafeMutablePointer<UInt8>) {
    guard case .after(let seconds) = derived.rule else { return }
    unsafe GeneralizedTimeText.write(producedAt.advanced(bySeconds: seconds), to: target + derived.start)
  }

  // MARK: - Taking

  /// Writes a record of the answer, if the record gives the answer's octets again; else what is in `record` means nothing.
  ///
  /// - Parameters:
  ///   - record: room for `recordCount` octets.
  ///   - scratch: room for `prefixCount` octets.
  func take(
    _ answer: Answer, as index: Int, into record: CompactRecord, scratch: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    guard gaps.nextUpdate.time(producedAt: answer.times.producedAt) == answer.times.nextUpdate,
      record.writeHead(template: index, revision: answer.revision, times: answer.times, isConfirmed: true)
    else { return false }
    record.digest = answer.digest
    let isPacked = unsafe answer.prefix.withUnsafeBufferPointer { prefix in
      guard let source = prefix.baseAddress else { return false }
      return unsafe pack(source, answer.key.serial, into: record)
    }
    guard isPacked else { return false }
    unsafe rebuild(record, into: scratch)
    return unsafe answer.prefix.withUnsafeBytes { prefix in
      guard let source = prefix.baseAddress else { return false }
      return unsafe AnswerTemplate.areEqual(source, UnsafeRawPointer(scratch), count: family.prefixCount)
    }
  }

  /// Eight octets at a time: every answer that is published comes by here.
  private static func areEqual(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
    var difference: UInt64 = 0
    var place = 0
    while place + 8 <= count {
      difference |=
        unsafe left.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        ^ right.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      place += 8
    }
    while place < count {
      difference |= unsafe UInt64(
        left.load(fromByteOffset: place, as: UInt8.self) ^ right.load(fromByteOffset: place, as: UInt8.self))
      place += 1
    }
    return difference == 0
  }

  /// Writes a record of an answer whose octets are not there to compare with; false where it does not fit. It counts as
  /// confirmed only once its digest has been looked at.
  func take(
    _ stored: StoredAnswer, signature: Span<UInt8>, as index: Int, into record: CompactRecord
  ) -> Bool {
    let key = stored.key
    guard key.issuer == family.issuer, key.hashAlgorithm == family.hashAlgorithm,
      key.serial.count == family.serialCount,
      (stored.revocationTime == nil) == (gaps.revocationStart == nil), signature.count == gaps.signatureCount,
      gaps.nextUpdate.time(producedAt: stored.times.producedAt) == stored.times.nextUpdate,
      record.writeHead(template: index, revision: stored.revision, times: stored.times, isConfirmed: false)
    else { return false }
    record.digestPrefix = stored.digestPrefix
    unsafe key.serial.write(to: record.base + CompactRecord.bodyStart)
    if let time = stored.revocationTime {
      guard let seconds = UInt32(exactly: time.seconds) else { return false }
      write(revocation: seconds, into: record)
    }
    return unsafe signature.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return false }
      return unsafe packSignature(start, into: record)
    }
  }

  private func write(revocation seconds: UInt32, into record: CompactRecord) {
    unsafe record.base.storeBytes(
      of: seconds, toByteOffset: CompactRecord.bodyStart + family.serialCount, as: UInt32.self)
  }

  private func pack(_ source: UnsafePointer<UInt8>, _ serial: SerialNumber, into record: CompactRecord) -> Bool {
    unsafe serial.write(to: record.base + CompactRecord.bodyStart)
    if let start = gaps.revocationStart {
      guard let time = unsafe GeneralizedTimeText.read(source + start), let seconds = UInt32(exactly: time.seconds)
      else {
        return false
      }
      write(revocation: seconds, into: record)
    }
    return unsafe packSignature(source + gaps.signatureStart, into: record)
  }

  private func packSignature(_ source: UnsafePointer<UInt8>, into record: CompactRecord) -> Bool {
    unsafe signatureCoding.pack(
      source, count: gaps.signatureCount,
      to: (record.base + packedSignatureStart).assumingMemoryBound(to: UInt8.self))
  }
}

extension SerialNumber {
  /// Whether these are the octets at `source`, as many as the serial has.
  fileprivate func isEqual(to source: UnsafeRawPointer) -> Bool {
    let words = packedWords
    switch count {
    case 16:
      return unsafe source.loadUnaligned(as: UInt64.self) == words.0
        && source.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == words.1
    default:
      for index in 0..<count where unsafe source.load(fromByteOffset: index, as: UInt8.self) != self[index] {
        return false
      }
      return true
    }
  }

  fileprivate func write(to target: UnsafeMutableRawPointer) {
    unsafe withUnsafeBytes(of: packedWords) { words in
      unsafe UnsafeMutableRawBufferPointer(start: target, count: count).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: words[..<count]))
    }
  }
}
