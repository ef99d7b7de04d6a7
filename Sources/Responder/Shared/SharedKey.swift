public import OCSP

/// What an issuer is called among nodes: the first eight octets of its identity, which depends on the CA's name and key and
/// on nothing that one node's configuration says.
public struct SharedIssuerName: Sendable, Hashable, CustomStringConvertible {
  public var value: UInt64

  public init(_ value: UInt64) {
    self.value = value
  }

  /// - Parameter identity: `IssuerSettings.identity`.
  public init(identity: [UInt8]) {
    value = Array((identity + [UInt8](repeating: 0, count: 8)).prefix(8)).number(at: 0, count: 8)
  }

  /// Sixteen hexadecimal digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// What an answer is kept under in the level that nodes share.
public struct SharedKey: Sendable, Hashable, CustomStringConvertible {
  public var issuer: SharedIssuerName
  public var hashAlgorithm: HashAlgorithm
  public var serial: SerialNumber

  public init(issuer: SharedIssuerName, hashAlgorithm: HashAlgorithm, serial: SerialNumber) {
    self.issuer = issuer
    self.hashAlgorithm = hashAlgorithm
    self.serial = serial
  }

  /// Octets that `init(encoded:)` reads: the issuer's eight, the hash algorithm, the serial's length, the serial.
  public var encoded: [UInt8] {
    var octets: [UInt8] = []
    octets.append(bigEndian: issuer.value, count: 8)
    octets.append(hashAlgorithm.rawValue)
    octets.append(UInt8(serial.count))
    return octets + serial.octets
  }

  /// Nil for anything but one encoded key.
  public init?(encoded octets: [UInt8]) {
    guard octets.count > 10, octets.count == 10 + Int(octets[9]), let algorithm = HashAlgorithm(rawValue: octets[8]),
      let serial = SerialNumber(content: Array(octets[10...]))
    else { return nil }
    self.init(issuer: SharedIssuerName(octets.number(at: 0, count: 8)), hashAlgorithm: algorithm, serial: serial)
  }

  /// `avouch:r:<issuer>:<hash>:<serial>`: the name of the Redis key.
  public var description: String { String(decoding: redisKey, as: UTF8.self) }

  /// The description's octets. Written one by one: an origin that fills Redis makes a million of them.
  public var redisKey: [UInt8] {
    let name = hashAlgorithm.name.utf8
    let prefix = SharedKey.prefix.utf8
    let count = prefix.count + 16 + name.count + 2 + 2 * serial.count
    return [UInt8](capacity: count) { octets in
      for octet in prefix { octets.append(octet) }
      for shift in stride(from: 60, through: 0, by: -4) {
        octets.append(SharedKey.digit(UInt8(truncatingIfNeeded: issuer.value >> UInt64(shift)), isUpperCase: false))
      }
      octets.append(UInt8(ascii: ":"))
      for octet in name { octets.append(octet) }
      octets.append(UInt8(ascii: ":"))
      for place in 0..<serial.count {
        octets.append(SharedKey.digit(serial[place] >> 4, isUpperCase: true))
        octets.append(SharedKey.digit(serial[place], isUpperCase: true))
      }
    }
  }

  private static let prefix = "avouch:r:"

  /// Of the lower four bits.
  private static func digit(_ octet: UInt8, isUpperCase: Bool) -> UInt8 {
    let value = octet & 15
    return value < 10 ? UInt8(ascii: "0") + value : (isUpperCase ? UInt8(ascii: "A") : UInt8(ascii: "a")) + value - 10
  }
}
