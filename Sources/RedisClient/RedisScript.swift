import COpenSSL

/// A Lua script that is sent by its digest, and as a whole to a node that does not know it yet.
public struct RedisScript: Sendable, Hashable {
  public let text: String
  /// SHA-1 in hexadecimal, by which Redis knows scripts.
  public let digest: [UInt8]
  /// The text as it is sent.
  let octets: [UInt8]

  public init(_ text: String) {
    self.text = text
    octets = Array(text.utf8)
    var hash = [UInt8](repeating: 0, count: 20)
    var count: UInt32 = 0
    let code = unsafe EVP_Digest(octets, octets.count, &hash, &count, EVP_sha1(), nil)
    precondition(code == 1 && count == 20, "OpenSSL has no SHA-1")
    let digits = Array("0123456789abcdef".utf8)
    digest = hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// EVALSHA, and EVAL where a node answers NOSCRIPT.
  ///
  /// - Parameter keys: in a cluster, all of one slot.
  public func command(keys: [[UInt8]], arguments: [[UInt8]], isReadOnly: Bool = false) -> RedisCommand {
    // A replica obeys scripts that only read by another name.
    let name = isReadOnly ? RedisScript.readOnlyByDigest : RedisScript.nameByDigest
    var command = RedisCommand(
      words: [name, digest, Array("\(keys.count)".utf8)] + keys + arguments, key: keys.first, isReadOnly: isReadOnly)
    command.script = octets
    return command
  }

  /// The command that names a script by its digest; the number of keys, the keys and the arguments follow the digest.
  public static let nameByDigest = Array("EVALSHA".utf8)
  private static let readOnlyByDigest = Array("EVALSHA_RO".utf8)

  /// The words that send the script itself, where those that name it by its digest were of no use.
  static func words(_ words: [[UInt8]], sending script: [UInt8]) -> [[UInt8]] {
    [words[0] == readOnlyByDigest ? Array("EVAL_RO".utf8) : Array("EVAL".utf8), script] + words.dropFirst(2)
  }
}
