import CalendarTime

/// One live record of a shard, whichever way its answer is kept.
@safe
enum AnswerRecord {
  case compact(CompactRecord, UnsafeMutablePointer<AnswerTemplate>)
  case whole(WholeRecord)

  /// - Parameter templates: where the templates are, by their numbers.
  init(at base: UnsafeMutableRawPointer, templates: UnsafeMutablePointer<UnsafeMutablePointer<AnswerTemplate>?>) {
    let record = unsafe CompactRecord(base)
    if record.word.kind == RecordWord.compact {
      guard let template = unsafe templates[record.word.template] else {
        preconditionFailure("a record outlived its template")
      }
      self = unsafe .compact(record, template)
    } else {
      self = unsafe .whole(WholeRecord(base))
    }
  }

  var key: ResponseKey {
    switch self {
    case .compact(let record, let template): unsafe template.pointee.key(of: record)
    case .whole(let record): record.key
    }
  }

  func isOf(_ key: ResponseKey) -> Bool {
    switch self {
    case .compact(let record, let template): unsafe template.pointee.isKey(key, of: record)
    case .whole(let record): record.key == key
    }
  }

  /// Octets in the ring.
  var count: Int {
    switch self {
    case .compact(_, let template): unsafe template.pointee.recordCount
    case .whole(let record): record.word.wholeCount
    }
  }

  var revision: Revision {
    switch self {
    case .compact(let record, _): record.revision
    case .whole(let record): record.revision
    }
  }

  var times: AnswerTimes {
    switch self {
    case .compact(let record, let template): unsafe template.pointee.times(of: record)
    case .whole(let record): record.times
    }
  }

  var credential: CredentialIndex {
    switch self {
    case .compact(_, let template): unsafe template.pointee.family.credential
    case .whole(let record): record.credential
    }
  }

  var digest: ResponseDigest {
    switch self {
    case .compact(let record, _): record.digest
    case .whole(let record): record.digest
    }
  }

  var prefixCount: Int {
    switch self {
    case .compact(_, let template): unsafe template.pointee.prefixCount
    case .whole(let record): unsafe record.prefix.count
    }
  }

  /// Writes the octets of the response up to its embedded certificates: `prefixCount` of them.
  func copyPrefix(to target: UnsafeMutablePointer<UInt8>) {
    switch self {
    case .compact(let record, let template): unsafe template.pointee.rebuild(record, into: target)
    case .whole(let record):
      unsafe UnsafeMutableRawBufferPointer(start: target, count: record.prefix.count).copyMemory(from: record.prefix)
    }
  }

  /// Whether the octets are known to be those that were signed, and the digest is all there.
  var isConfirmed: Bool {
    switch self {
    case .compact(let record, _): record.word.isConfirmed
    case .whole: true
    }
  }

  /// The octets as an array of just their size.
  var prefix: [UInt8] {
    let size = prefixCount
    return unsafe [UInt8](unsafeUninitializedCapacity: size) { target, count in
      if let start = target.baseAddress { unsafe copyPrefix(to: start) }
      count = size
    }
  }

  var wasRead: Bool { word.rawValue & RecordWord.readFlag != 0 }

  func setRead(_ isRead: Bool) {
    // Only where it changes something: a line of memory that is written has to be fetched from other processors.
    guard wasRead != isRead else { return }
    word = RecordWord(rawValue: word.rawValue ^ RecordWord.readFlag)
  }

  private var word: RecordWord {
    get {
      switch self {
      case .compact(let record, _): record.word
      case .whole(let record): record.word
      }
    }
    nonmutating set {
      switch self {
      case .compact(let record, _): record.word = newValue
      case .whole(let record): record.word = newValue
      }
    }
  }
}

/// An answer on its way into a shard.
@safe
struct AnswerOffer: @unchecked Sendable {
  // A record's memory is its maker's, who waits meanwhile.

  enum Form {
    /// A record that was written elsewhere, of so many octets.
    case compact(CompactRecord, count: Int)
    case whole(Answer)
  }

  var key: ResponseKey
  var revision: Revision
  var times: AnswerTimes
  var form: Form

  var isConfirmed: Bool {
    switch form {
    case .compact(let record, _): record.word.isConfirmed
    case .whole: true
    }
  }

  /// Octets of its record.
  var recordCount: Int {
    switch form {
    case .compact(_, let count): count
    case .whole(let answer): WholeRecord.count(answer)
    }
  }
}
