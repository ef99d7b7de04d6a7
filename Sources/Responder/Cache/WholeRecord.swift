/// An answer that no template fits, with all its octets.
///
///     0  word    4  head    then the prefix
@safe
struct WholeRecord {
  private struct Head: BitwiseCopyable {
    var key: ResponseKey
    var revision: Revision
    var times: AnswerTimes
    var digest: ResponseDigest
    var credential: CredentialIndex
    /// A record has at most `AnswerCacheShard.largestRecord` octets.
    var prefixCount: UInt16
  }

  private static let prefixStart = 4 + MemoryLayout<Head>.size

  private let base: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer) {
    unsafe self.base = unsafe base
  }

  static func count(_ answer: Answer) -> Int { (prefixStart + answer.prefix.count + 3) & ~3 }

  func write(_ answer: Answer) {
    word = RecordWord.whole(count: WholeRecord.count(answer))
    head = Head(
      key: answer.key, revision: answer.revision, times: answer.times, digest: answer.digest,
      credential: answer.credential, prefixCount: UInt16(answer.prefix.count))
    unsafe answer.prefix.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (base + WholeRecord.prefixStart).copyMemory(from: start, byteCount: source.count)
    }
  }

  var word: RecordWord {
    get { unsafe RecordWord(rawValue: base.load(as: UInt32.self)) }
    nonmutating set { unsafe base.storeBytes(of: newValue.rawValue, as: UInt32.self) }
  }

  var key: ResponseKey { head.key }
  var revision: Revision { head.revision }
  var times: AnswerTimes { head.times }
  var digest: ResponseDigest { head.digest }
  var credential: CredentialIndex { head.credential }

  var prefix: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base + WholeRecord.prefixStart, count: Int(head.prefixCount))
  }

  /// Records begin at multiples of four octets.
  private var head: Head {
    get { unsafe base.loadUnaligned(fromByteOffset: 4, as: Head.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 4, as: Head.self) }
  }
}
