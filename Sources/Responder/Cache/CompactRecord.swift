import CalendarTime
import OCSP

/// The first word of every stretch of a shard's memory: what it is, and how long.
///
///     bits 0-1   kind
///     filler and dead:  bits 2-31   octets / 4
///     whole:            bit 2       was read;  bits 3-31 octets / 4
///     compact:          bit 2       was read;  bit 3 is confirmed;  bits 4-15 revision, bits 32-43;  bits 16-31 template
struct RecordWord {
  var rawValue: UInt32

  static let filler: UInt32 = 0
  static let dead: UInt32 = 1
  static let whole: UInt32 = 2
  static let compact: UInt32 = 3
  static let readFlag: UInt32 = 4
  static let confirmedFlag: UInt32 = 8

  var kind: UInt32 { rawValue & 3 }
  var isLive: Bool { rawValue & 2 != 0 }
  var isConfirmed: Bool { rawValue & RecordWord.confirmedFlag != 0 }
  var template: Int { Int(rawValue >> 16) }
  /// Octets of a filler or a dead record.
  var goneCount: Int { Int(rawValue >> 2) * 4 }
  /// Octets of a whole record.
  var wholeCount: Int { Int(rawValue >> 3) * 4 }

  static func gone(_ kind: UInt32, count: Int) -> RecordWord {
    RecordWord(rawValue: kind | UInt32(count / 4) << 2)
  }

  static func whole(count: Int) -> RecordWord {
    RecordWord(rawValue: RecordWord.whole | UInt32(count / 4) << 3)
  }
}

/// An answer of which only that is kept which differs from its neighbours; an `AnswerTemplate` has the rest.
///
///     0   word         4   revision, low bits      8   producedAt      12  refreshAt - producedAt
///     16  SHA-256 of the response (where it is not confirmed: its first eight octets)
///     48  serial, then the revocation's time where the template has one, then the packed signature
///
/// Times are seconds since 1970 in 32 bits without sign: until 2106.
@safe
struct CompactRecord {
  static let bodyStart = 48
  /// No record is smaller, so that a shard's index always has room for all that fit.
  static let leastCount = 112
  static let largestRevision: UInt64 = 1 << 44 - 1

  let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer) {
    unsafe self.base = unsafe base
  }

  var word: RecordWord {
    get { unsafe RecordWord(rawValue: base.load(as: UInt32.self)) }
    nonmutating set { unsafe base.storeBytes(of: newValue.rawValue, as: UInt32.self) }
  }

  var revision: Revision {
    let high = UInt64(word.rawValue >> 4 & 0xFFF)
    return unsafe Revision(high << 32 | UInt64(base.load(fromByteOffset: 4, as: UInt32.self)))
  }

  var producedAt: UnixTime { unsafe UnixTime(seconds: Int64(base.load(fromByteOffset: 8, as: UInt32.self))) }

  var refreshDelay: Int64 { unsafe Int64(base.load(fromByteOffset: 12, as: UInt32.self)) }

  var digest: ResponseDigest {
    get { unsafe ResponseDigest(reading: base + 16) }
    nonmutating set { unsafe newValue.write(to: base + 16) }
  }

  /// The first eight octets of the digest: all that is known of it until the answer is confirmed.
  var digestPrefix: UInt64 {
    get { unsafe (base + 16).loadUnaligned(as: UInt64.self) }
    nonmutating set {
      unsafe (base + 16).initializeMemory(as: UInt8.self, repeating: 0, count: 32)
      unsafe (base + 16).storeBytes(of: newValue, as: UInt64.self)
    }
  }

  /// From here on the digest is all there, and the octets are known to be those that were signed.
  func confirm(_ digest: ResponseDigest) {
    self.digest = digest
    word = RecordWord(rawValue: word.rawValue | RecordWord.confirmedFlag)
  }

  /// Writes the first four words; false for numbers that do not fit.
  func writeHead(template: Int, revision: Revision, times: AnswerTimes, isConfirmed: Bool) -> Bool {
    let delay = times.refreshAt.seconds(since: times.producedAt)
    guard revision.value <= CompactRecord.largestRevision, let producedAt = UInt32(exactly: times.producedAt.seconds),
      let delay = UInt32(exactly: delay)
    else { return false }
    let flags = RecordWord.compact | (isConfirmed ? RecordWord.confirmedFlag : 0)
    word = RecordWord(
      rawValue: flags | UInt32(truncatingIfNeeded: revision.value >> 32) << 4 | UInt32(template) << 16)
    unsafe base.storeBytes(of: UInt32(truncatingIfNeeded: revision.value), toByteOffset: 4, as: UInt32.self)
    unsafe base.storeBytes(of: producedAt, toByteOffset: 8, as: UInt32.self)
    unsafe base.storeBytes(of: delay, toByteOffset: 12, as: UInt32.self)
    return true
  }
}
