import OpenSSLCrypto

/// Who may send events: secrets, and the issuers that each may speak for.
public struct WebhookSenders: Sendable {
  /// What a message says of itself in its header fields.
  struct Attributes {
    var id: String
    var timestamp: String
    var signatures: String
  }

  /// Signatures in one header field that are looked at: one for each secret of the sender.
  static let maximumSignatures = 16

  private var secrets: [(secret: WebhookSecret, issuers: Set<String>)] = []
  private var subjects: [String: EventSubject] = [:]

  public init() {}

  /// Lets whoever knows one of the secrets speak for the issuer.
  public mutating func add(_ subject: EventSubject, _ allowed: [WebhookSecret]) {
    subjects[subject.name] = subject
    for secret in allowed {
      if let place = secrets.firstIndex(where: { $0.secret == secret }) {
        secrets[place].issuers.insert(subject.name)
      } else {
        secrets.append((secret, [subject.name]))
      }
    }
  }

  func subject(_ name: String) -> EventSubject? { subjects[name] }

  /// The issuers that the sender of a message may speak for; nil where no known secret has signed it.
  ///
  /// The signed content is `id.timestamp.body` (Standard Webhooks, "Signature scheme").
  func issuers(_ attributes: Attributes, body: Span<UInt8>) throws(CryptoError) -> Set<String>? {
    var signatures: [[UInt8]] = []
    for entry in attributes.signatures.split(separator: " ").prefix(WebhookSenders.maximumSignatures) {
      // `v1a`, an asymmetric one, is nothing that a secret could verify.
      guard entry.hasPrefix("v1,"), let signature = Base64Text.decode(String(entry.dropFirst(3))) else { continue }
      signatures.append(signature)
    }
    guard !signatures.isEmpty else { return nil }
    var content = Array("\(attributes.id).\(attributes.timestamp).".utf8)
    content.reserveCapacity(content.count + body.count)
    unsafe body.withUnsafeBufferPointer { unsafe content.append(contentsOf: $0) }
    var issuers: Set<String>?
    for (secret, allowed) in secrets {
      let expected = try MessageAuthentication.hmacSHA256(key: secret.key, content)
      // All of them are compared, so that the time tells nothing of which was near.
      let matches = signatures.count { MessageAuthentication.areEqual($0, expected) }
      if matches > 0 { issuers = (issuers ?? []).union(allowed) }
    }
    return issuers
  }
}
