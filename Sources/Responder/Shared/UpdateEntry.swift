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
    /// A certificate's status has changed: nothing older than the revision may be said of it any more. With the new
    /// answer's frame, where there is one.
    case changed(SharedKey, Revision, frame: [UInt8])
    /// Answers were renewed: those who hold an older one fetch it when they are asked.
    case renewed([Renewal])
    /// Everything that is signed ahead for the issuer is in the shared level, from now until that time unless told again.
    case complete(SharedIssuerName, until: UnixTime)
  }

  public struct Renewal: Sendable, Hashable {
    public var key: SharedKey
    public var producedAt: UnixTime

    public init(key: SharedKey, producedAt: UnixTime) {
      self.key = key
      self.producedAt = producedAt
    }
  }

  /// How many renewals one entry may tell.
  public static let maximumRenewals = 256
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
    case .changed(let key, let revision, let frame):
      octets.append(1)
      octets.append(key)
      octets.append(bigEndian: revision.value, count: 8)
      octets += frame
    case .renewed(let renewals):
      octets.append(2)
      for renewal in renewals {
        octets.append(renewal.key)
        octets.append(bigEndian: UInt64(bitPattern: renewal.producedAt.seconds), count: 8)
      }
    case .complete(let issuer, let until):
      octets.append(3)
      octets.append(bigEndian: issuer.value, count: 8)
      octets.append(bigEndian: UInt64(bitPattern: until.seconds), count: 8)
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
      guard let key = rest.readKey(), let revision = rest.readNumber() else { return nil }
      news = .changed(key, Revision(revision), frame: Array(rest))
    case 2:
      var renewals: [Renewal] = []
      while !rest.isEmpty {
        guard renewals.count < UpdateEntry.maximumRenewals, let key = rest.readKey(), let time = rest.readNumber()
        else {
          return nil
        }
        renewals.append(Renewal(key: key, producedAt: UnixTime(seconds: Int64(bitPattern: time))))
      }
      news = .renewed(renewals)
    case 3:
      guard let issuer = rest.readNumber(), let until = rest.readNumber(), rest.isEmpty else { return nil }
      news = .complete(SharedIssuerName(issuer), until: UnixTime(seconds: Int64(bitPattern: until)))
    default: return nil
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ key: SharedKey) {
    append(bigEndian: key.issuer.value, count: 8)
    append(key.hashAlgorithm.rawValue)
    append(UInt8(key.serial.count))
    self += key.serial.octets
  }
}

extension ArraySlice<UInt8> {
  fileprivate mutating func readNumber() -> UInt64? {
    guard count >= 8 else { return nil }
    defer { removeFirst(8) }
    return prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  fileprivate mutating func readKey() -> SharedKey? {
    guard let issuer = readNumber(), count >= 2, let algorithm = HashAlgorithm(rawValue: self[startIndex]) else {
      return nil
    }
    let length = Int(self[startIndex + 1])
    guard count >= 2 + length, let serial = SerialNumber(content: Array(dropFirst(2).prefix(length))) else {
      return nil
    }
    removeFirst(2 + length)
    return SharedKey(issuer: SharedIssuerName(issuer), hashAlgorithm: algorithm, serial: serial)
  }
}
