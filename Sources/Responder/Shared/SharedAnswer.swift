public import CalendarTime
public import OCSP

/// The fencing token of an origin: it grows with every origin that takes over, so that what an earlier one still sends is
/// recognised and refused.
public struct FencingToken: Sendable, Hashable, Comparable {
  public var value: UInt64

  public init(_ value: UInt64) {
    self.value = value
  }

  public static func < (left: FencingToken, right: FencingToken) -> Bool { left.value < right.value }

  /// Whether an origin may have got it by now: a token is a time in milliseconds, or one more than the one before. Another
  /// one would make whoever believes it deaf to every origin there will be.
  public func isPlausible(at now: UnixTime) -> Bool {
    value / 1000 <= UInt64(max(0, now.advanced(bySeconds: 86_400).seconds))
  }
}

/// An answer as the level that nodes share keeps it: the whole OCSPResponse in a frame that says what it is.
///
/// The frame begins with what a write is compared by, at fixed places and big-endian, so that a script inside the shared
/// level can compare without understanding the rest:
///
///     octets  0..<4    "AVO1"
///             4..<12   fencing token of the origin
///            12..<20   revision
///            20..<28   producedAt, seconds since 1970
///            28..<36   nextUpdate
///            36..<44   refreshAt
///            44        hash algorithm of the CertID; 128 more where the answer is signed ahead, so that the origin puts another
///                      one in its place whenever its certificate changes
///            45        octets of the serial, then the serial
///            then      the issuer's shared name (8 octets)
///            then      the response's length (4 octets) and the OCSPResponse
///            then      the first eight octets of the SHA-256 over all before the response, and the response's own SHA-256
public struct SharedAnswer: Sendable, Hashable {
  public static let magic = Array("AVO1".utf8)
  private static let magicNumber: UInt32 = 0x4156_4F31
  /// What stands in the place of a value that was found to be no good, until the origin writes a new one: that something is
  /// there says that the certificate was issued.
  public static let damaged = Array("damaged".utf8)
  private static let signedAheadFlag: UInt8 = 128
  /// Octets of the frame beside serial and response.
  private static let overhead = 46 + 8 + 4 + 8

  public var key: SharedKey
  public var token: FencingToken
  public var revision: Revision
  public var times: AnswerTimes
  /// Whether the origin puts another one in its place whenever its certificate changes.
  public var isSignedAhead: Bool
  /// The DER of the OCSPResponse.
  public var response: [UInt8]

  public init(
    key: SharedKey, token: FencingToken, revision: Revision, times: AnswerTimes, isSignedAhead: Bool = true,
    response: [UInt8]
  ) {
    self.isSignedAhead = isSignedAhead
    self.key = key
    self.token = token
    self.revision = revision
    self.times = times
    self.response = response
  }

  public func encoded(hasher: some ResponseHasher) -> [UInt8] {
    SharedAnswer.encoded(
      key: key, token: token, revision: revision, times: times, isSignedAhead: isSignedAhead, response: response, [],
      digest: hasher.sha256(response, []), hasher: hasher)
  }

  /// The same of a response in two parts, as an answer and its credential have them.
  ///
  /// - Parameter digest: of the whole response: nobody hashes it again.
  public static func encoded(
    key: SharedKey, token: FencingToken, revision: Revision, times: AnswerTimes, isSignedAhead: Bool,
    response first: [UInt8],
    _ second: [UInt8], digest: ResponseDigest, hasher: some ResponseHasher
  ) -> [UInt8] {
    let digestCount = 32
    let count = overhead + key.serial.count + max(digestCount, first.count + second.count)
    var octets = [UInt8](capacity: count) { octets in
      octets.append(bigEndian: magicNumber)
      octets.append(bigEndian: token.value)
      octets.append(bigEndian: revision.value)
      octets.append(bigEndian: UInt64(bitPattern: times.producedAt.seconds))
      octets.append(bigEndian: UInt64(bitPattern: times.nextUpdate.seconds))
      octets.append(bigEndian: UInt64(bitPattern: times.refreshAt.seconds))
      octets.append(key.hashAlgorithm.rawValue | (isSignedAhead ? signedAheadFlag : 0))
      octets.append(UInt8(key.serial.count))
      for place in 0..<key.serial.count { octets.append(key.serial[place]) }
      octets.append(bigEndian: key.issuer.value)
      octets.append(bigEndian: UInt32(first.count + second.count))
      // What is sealed stands in one piece for as long as it is hashed.
      digest.append(to: &octets)
    }
    let seal = hasher.sha256(octets, []).prefixWord
    octets.removeLast(digestCount)
    octets += first
    octets += second
    octets.append(bigEndian: seal, count: 8)
    return octets
  }

  /// Why a value is no answer that may be used.
  public enum Fault: Error, Sendable, Hashable, CaseIterable {
    /// No frame of this kind, cut short, or changed since it was written.
    case damaged
    /// A whole frame, for another key than the one it was kept under.
    case foreign
    /// The response inside says another thing than the frame: another certificate, other times, or nothing definite.
    case contradictory
    /// Ended, or made by a clock that was ahead.
    case untimely
  }

  /// A frame that was read, with what came out on the way.
  public struct Read: Sendable {
    public var answer: SharedAnswer
    /// Of the response.
    public var digest: ResponseDigest
    public var basic: ReceivedResponse.Basic
  }

  /// Reads a frame and checks all that can be checked without the signer's key: the checksum, the key, the times, and that
  /// the response inside agrees with them.
  ///
  /// - Parameters:
  ///   - certID: that of the question, as `Issuer.encodedCertID` gives it.
  public static func read(
    _ octets: [UInt8], for key: SharedKey, certID: [UInt8], now: UnixTime, hasher: some ResponseHasher
  ) throws(Fault) -> Read {
    guard let (answer, digest) = open(octets, hasher: hasher) else { throw .damaged }
    guard answer.key == key else { throw .foreign }
    let times = answer.times
    guard times.isValid(at: now) else { throw .untimely }
    guard let whole = try? ReceivedResponse(answer.response), let basic = whole.basic, basic.responses.count == 1
    else { throw .contradictory }
    let single = basic.responses[0]
    guard single.encodedCertID == certID, single.thisUpdate == times.producedAt,
      single.nextUpdate == times.nextUpdate, basic.producedAt == times.producedAt, times.producedAt < times.nextUpdate
    else { throw .contradictory }
    return Read(answer: answer, digest: digest, basic: basic)
  }

  /// The frame alone; nil where it is damaged.
  private static func open(
    _ octets: [UInt8], hasher: some ResponseHasher
  ) -> (SharedAnswer, ResponseDigest)? {
    guard octets.count >= overhead + 1, octets.starts(with: magic) else { return nil }
    let serialCount = Int(octets[45])
    let issuerPlace = 46 + serialCount
    guard octets.count >= overhead + serialCount,
      let algorithm = HashAlgorithm(rawValue: octets[44] & ~signedAheadFlag),
      let serial = SerialNumber(content: Array(octets[46..<issuerPlace]))
    else { return nil }
    let responsePlace = issuerPlace + 12
    let sealed = octets.count - 8
    guard responsePlace + Int(octets.number(at: issuerPlace + 8, count: 4)) == sealed else { return nil }
    let response = Array(octets[responsePlace..<sealed])
    let digest = hasher.sha256(response, [])
    let seal = hasher.sha256(Array(octets[..<responsePlace]), digest.octets).prefixWord
    guard octets.number(at: sealed, count: 8) == seal else { return nil }
    func time(_ place: Int) -> UnixTime {
      UnixTime(seconds: Int64(bitPattern: octets.number(at: place, count: 8)))
    }
    let name = SharedIssuerName(octets.number(at: issuerPlace, count: 8))
    let answer = SharedAnswer(
      key: SharedKey(issuer: name, hashAlgorithm: algorithm, serial: serial),
      token: FencingToken(octets.number(at: 4, count: 8)), revision: Revision(octets.number(at: 12, count: 8)),
      times: AnswerTimes(producedAt: time(20), nextUpdate: time(28), refreshAt: time(36)),
      isSignedAhead: octets[44] & signedAheadFlag != 0, response: response)
    return (answer, digest)
  }
}

extension OutputSpan<UInt8> {
  fileprivate mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
    for shift in stride(from: Number.bitWidth - 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: number >> Number(shift)))
    }
  }
}

extension [UInt8] {
  mutating func append(bigEndian number: UInt64, count: Int) {
    unsafe Swift.withUnsafeBytes(of: number.bigEndian) { octets in
      unsafe append(contentsOf: UnsafeRawBufferPointer(rebasing: octets[(8 - count)...]))
    }
  }

  func number(at place: Int, count: Int) -> UInt64 {
    self[place..<(place + count)].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
