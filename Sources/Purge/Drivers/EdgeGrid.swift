import CalendarTime
import HTTP1
import OCSP
import OpenSSLCrypto

/// Akamai's way to sign requests, EG1-HMAC-SHA256: the key of each second is derived from the client's secret, and signs
/// method, scheme, host, path, a digest of the body and the beginning of the field itself.
public enum EdgeGrid {
  /// What a section of an `.edgerc` file holds.
  public struct Credentials: Sendable, Hashable {
    public var host: String
    public var clientToken: String
    public var clientSecret: String
    public var accessToken: String
  }

  /// What is missing in the file.
  public struct Malformed: Error, Sendable, CustomStringConvertible {
    public var description: String
  }

  /// More of a body than this is not part of the signature.
  static let signedBodyOctets = 131_072

  /// The value of the Authorization field.
  ///
  /// - Parameters:
  ///   - target: path and query.
  ///   - nonce: any text that is used once.
  static func authorization(
    _ credentials: Credentials, method: String, scheme: String, host: String, target: String, body: [UInt8],
    time: UnixTime, nonce: String
  ) throws(CryptoError) -> String {
    let timestamp = timestamp(time)
    let beginning =
      "EG1-HMAC-SHA256 client_token=\(credentials.clientToken);access_token=\(credentials.accessToken);"
      + "timestamp=\(timestamp);nonce=\(nonce);"
    let digest = body.isEmpty ? [] : OpenSSLHasher().digest(Array(body.prefix(signedBodyOctets)), .sha256)
    // The empty field is for headers that are signed too: there are none.
    let signed = [
      method, scheme, host.lowercased(), target, "", String(decoding: Base64.encode(digest), as: UTF8.self), beginning,
    ]
    let key = Base64.encode(
      try MessageAuthentication.hmacSHA256(key: Array(credentials.clientSecret.utf8), Array(timestamp.utf8)))
    let code = try MessageAuthentication.hmacSHA256(key: key, Array(signed.joined(separator: "\t").utf8))
    return "\(beginning)signature=\(String(decoding: Base64.encode(code), as: UTF8.self))"
  }

  /// `20261129T17:36:47+0000`
  static func timestamp(_ time: UnixTime) -> String {
    let text = time.iso8601.filter { $0 != "-" }
    return text.hasSuffix("Z") ? text.dropLast() + "+0000" : text
  }

  static func newNonce() throws(CryptoError) -> String {
    try SecureRandom.octets(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Reads an `.edgerc` file: the section `[ccu]`, else `[default]`, else the first lines.
  public static func credentials(_ text: String) throws(Malformed) -> Credentials {
    var sections: [String: [String: String]] = [:]
    var section = ""
    for line in text.split(whereSeparator: \.isNewline).map({ trimmed($0[...]) }) {
      guard !line.isEmpty, !line.hasPrefix("#"), !line.hasPrefix(";") else { continue }
      if line.hasPrefix("["), line.hasSuffix("]") {
        section = String(line.dropFirst().dropLast()).lowercased()
        continue
      }
      guard let equals = line.firstIndex(of: "=") else {
        throw Malformed(description: "a line is neither '[section]' nor 'name = value'")
      }
      sections[section, default: [:]][trimmed(line[..<equals])] = trimmed(line[line.index(after: equals)...])
    }
    let values = sections["ccu"] ?? sections["default"] ?? sections[""] ?? [:]
    func value(_ name: String) throws(Malformed) -> String {
      guard let value = values[name], !value.isEmpty else {
        throw Malformed(
          description: "'\(name)' is missing; client_token, client_secret, access_token and host are expected")
      }
      return value
    }
    var host = try value("host")
    if host.hasPrefix("https://") { host = String(host.dropFirst(8)) }
    while host.hasSuffix("/") { host.removeLast() }
    let isHost = host.utf8.allSatisfy { octet in
      switch octet {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: true
      default: false
      }
    }
    guard isHost, !host.isEmpty else {
      throw Malformed(description: "'host' is not the name of a host, as akab-….luna.akamaiapis.net")
    }
    return Credentials(
      host: host, clientToken: try value("client_token"), clientSecret: try value("client_secret"),
      accessToken: try value("access_token"))
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
    return String(text)
  }
}
