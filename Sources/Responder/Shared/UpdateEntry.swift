public import CalendarTime
import OCSP

/// One entry of the stream by which an origin tells other nodes what has changed.
///
/// Numbers follow each other without a gap, across restarts of the origin too: a node that sees a gap has missed something.
///
///     octets  0..<4    "AVU1"
///             4..<12   number
///            12..<20   fencing token
///            20        kind, then what the kind needs
///            at the end the first eight octets of the SHA-256 of all before
public struct UpdateEntry: Sendable, Hashable {
  public enum News: Sendable, Hashable {
    /// Certificates whose status has changed.
    case changed([Change])
    /// Answers were renewed: those who hold an older one fetch it when they are asked.
    case renewed([Renewal])
    /// Somebody wanted answers for these (`SharedCache.want`), and they were never issued.
    case unissued([SharedKey])

    /// One change.
    public static func changed(_ key: SharedKey, _ revision: Revision, frame: [UInt8]) -> News {
      .changed([Change(key: key, revision: revision, frame: frame)])
    }
  }

  /// Nothing older than the revision may be said of the certificate any more.
  public struct Change: Sendable, Hashable {
    public var key: SharedKey
    public var revision: Revision
    /// The encoded `SharedAnswer` of the new answer; empty where there is none yet.
    public var frame: [UInt8]

    public init(key: SharedKey, revision: Revision, frame: [UInt8]) {
      self.key = key
      self.revision = revision
      self.frame = frame
    }
  }

  public struct Renewal: Sendable, Hashable {
    public var key: SharedKey
    public var revision: Revision
    public var producedAt: UnixTime

    public init(key: SharedKey, revision: Revision, producedAt: UnixTime) {
      self.key = key
      self.revision = revision
      self.producedAt = producedAt
    }
  }

  /// How much one entry may tell.
  public static let maximumRenewals = 256
  public static let maximumChanges = 64
  private static let magic = Array("AVU1".utf8)

  public var number: UInt64
  public var token: FencingToken
  public var news: News

  public init(number: UInt64, token: FencingToken, news: News) {
    self.number = number
    self.token = token
    self.news = news
  }

  public func encoded(hasher: some ResponseHasher) -> [UInt8] {
    var octets = UpdateEntry.magic
    octets.append(bigEndian: number, count: 8)
    octets.append(bigEndian: token.value, count: 8)
    switch news {
    case .changed(let changes):
      octets.append(1)
      for change in changes {
        octets.append(change.key)
        octets.append(bigEndian: change.revision.value, count: 8)
        octets.append(bigEndian: UInt64(change.frame.count), count: 4)
        octets += change.frame
      }
    case .renewed(let renewals):
      octets.append(2)
      for renewal in renewals {
        octets.append(renewal.key)
        octets.append(bigEndian: renewal.revision.value, count: 8)
        octets.append(bigEndian: UInt64(bitPattern: renewal.producedAt.seconds), count: 8)
      }
    case .unissued(let keys):
      octets.append(3)
      for key in keys { octets.append(key) }
    }
    octets.append(bigEndian: hasher.sha256(octets, []).prefixWord, count: 8)
    return octets
  }

  /// Nil for octets that are no entry of this kind, cut short, or changed since they were written.
  public init?(_ octets: [UInt8], hasher: some ResponseHasher) {
    let sealed = octets.count - 8
    guard sealed >= 21, octets.starts(with: UpdateEntry.magic),
      octets.number(at: sealed, count: 8) == hasher.sha256(Array(octets[..<sealed]), []).prefixWord
    else { return nil }
    number = octets.number(at: 4, count: 8)
    token = FencingToken(octets.number(at: 12, count: 8))
    var rest = octets[21..<sealed]
    switch octets[20] {
    case 1:
      guard let changes = rest.readAll(atMost: UpdateEntry.maximumChanges, { $0.readChange() }) else { return nil }
      news = .changed(changes)
    case 2:
      guard let renewals = rest.readAll(atMost: UpdateEntry.maximumRenewals, { $0.readRenewal() }) else { return nil }
      news = .renewed(renewals)
    case 3:
      guard let keys = rest.readAll(atMost: UpdateEntry.maximumRenewals, { $0.readKey() }) else { return nil }
      news = .unissued(keys)
    default: return nil
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ key: SharedKey) { self += key.encoded }
}

extension ArraySlice<UInt8> {
  /// Everything to the end; nil where something of it is no such thing, or there is more than that.
  fileprivate mutating func readAll<Part>(
    atMost limit: Int, _ read: (inout ArraySlice<UInt8>) -> Part?
  ) -> [Part]? {
    var parts: [Part] = []
    while !isEmpty {
      guard parts.count < limit, let part = read(&self) else { return nil }
      parts.append(part)
    }
    return parts
  }

  fileprivate mutating func readNumber(count length: Int = 8) -> UInt64? {
    guard count >= length else { return nil }
    defer { removeFirst(length) }
    return prefix(length).reduce(0) { $0 << 8 | UInt64($1) }
  }

  fileprivate mutating func readChange() -> UpdateEntry.Change? {
    guard let key = readKey(), let revision = readNumber(), let length = readNumber(count: 4), count >= Int(length)
    else { return nil }
    defer { removeFirst(Int(length)) }
    return UpdateEntry.Change(key: key, revision: Revision(revision), frame: Array(prefix(Int(length))))
  }

  fileprivate mutating func readRenewal() -> UpdateEntry.Renewal? {
    guard let key = readKey(), let revision = readNumber(), let time = readNumber() else { return nil }
    return UpdateEntry.Renewal(
      key: key, revision: Revision(revision), producedAt: UnixTime(seconds: Int64(bitPattern: time)))
  }

  fileprivate mutating func readKey() -> SharedKey? {
    guard count > 10 else { return nil }
    let length = 10 + Int(self[startIndex + 9])
    guard let key = SharedKey(encoded: Array(prefix(length))) else { return nil }
    removeFirst(length)
    return key
  }
}
