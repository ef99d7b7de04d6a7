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
  public var description: String { "avouch:r:\(issuer):\(hashAlgorithm.name):\(serial)" }
}
