/// A secret of the Standard Webhooks specification: what a CA and its responder both know.
public struct WebhookSecret: Sendable, Hashable {
  public var key: [UInt8]

  /// Why a file of secrets cannot be used.
  public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
  }

  /// Octets that a secret may have (Standard Webhooks, "Signature scheme").
  public static let possibleOctets = 24...64
  /// Secrets of one file: the present one, the one before it, the next one.
  public static let maximumOfAFile = 8
  private static let prefix = "whsec_"

  /// - Parameter text: `whsec_` and base64. Without the first, half of a secret that was broken into lines would be one too.
  public init(_ text: String) throws(Failure) {
    guard text.hasPrefix(WebhookSecret.prefix),
      let octets = Base64Text.decode(String(text.dropFirst(WebhookSecret.prefix.count)))
    else {
      throw Failure(description: "this is no secret: \"whsec_\" and base64 are expected")
    }
    guard WebhookSecret.possibleOctets.contains(octets.count) else {
      throw Failure(
        description: "a secret of \(octets.count) octets; \(WebhookSecret.possibleOctets.lowerBound) to "
          + "\(WebhookSecret.possibleOctets.upperBound) are expected")
    }
    key = octets
  }

  /// The secrets of a file, one on each line; empty lines and those that begin with # say nothing.
  public static func read(_ octets: [UInt8]) throws(Failure) -> [WebhookSecret] {
    var secrets: [WebhookSecret] = []
    for (number, line) in octets.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      let text = String(decoding: line.drop(while: { $0 <= 0x20 }), as: UTF8.self).trimmedEnd
      guard !text.isEmpty, !text.hasPrefix("#") else { continue }
      do {
        secrets.append(try WebhookSecret(text))
      } catch {
        throw Failure(description: "line \(number + 1): \(error.description)")
      }
    }
    guard (1...maximumOfAFile).contains(secrets.count) else {
      throw Failure(
        description: "\(secrets.count) secrets; 1 to \(maximumOfAFile) are expected, one on each line "
          + "(the present one, and others while they are changed)")
    }
    return secrets
  }
}

extension String {
  fileprivate var trimmedEnd: String {
    var text = self[...]
    while let last = text.unicodeScalars.last, last.value <= 0x20 { text = text.dropLast() }
    return String(text)
  }
}
