import CP11Kit
import Responder

/// C_GenerateKeyPair with templates for a key that only signs and never leaves the token (PKCS#11 2.40 5.13).
struct KeyGeneration {
  let session: TokenSession
  let kind: KeyKind
  let label: String
  let id: [UInt8]

  init(session: TokenSession, kind: KeyKind, label: String, id: [UInt8]?) {
    self.session = session
    self.kind = kind
    self.label = label
    var random = SystemRandomNumberGenerator()
    self.id = id ?? (0..<8).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  func run() throws(TokenError) -> TokenKey {
    try refuseTaken()
    guard let info = try session.cryptoki.mechanismInfo(session.slot, mechanism),
      info.flags & CKF_GENERATE_KEY_PAIR != 0
    else { throw TokenError("token \(session.info) cannot make \(kind) keys", .giveUp) }
    var failure: TokenError?
    for parameters in curveParameters {
      // Some tokens do not take uses that the kind of key cannot have, even to be told that they are not wanted.
      for refusesOtherUses in [true, false] {
        do {
          let pair = try session.cryptoki.generateKeyPair(
            session.handle, mechanism, publicKey: publicTemplate(parameters),
            privateKey: privateTemplate(refusesOtherUses: refusesOtherUses))
          return try TokenKey(session.cryptoki, session.handle, pair.privateKey)
        } catch {
          failure = failure ?? error.at("token \(session.info), a new \(kind) key")
        }
      }
    }
    throw failure ?? TokenError("token \(session.info) cannot make \(kind) keys", .giveUp)
  }

  private func refuseTaken() throws(TokenError) {
    for keyClass in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
      for (type, value) in [(CKA_LABEL, Array(label.utf8)), (CKA_ID, id)] {
        var template = AttributeTemplate()
        template.add(CKA_CLASS, keyClass)
        template.add(type, value)
        guard let handle = try session.cryptoki.objects(session.handle, template, limit: 1).first else { continue }
        let key = try TokenKey(session.cryptoki, session.handle, handle)
        throw TokenError("token \(session.info) has a key \(key) already; nothing was made", .giveUp)
      }
    }
  }

  private var mechanism: CK_MECHANISM_TYPE {
    switch kind {
    case .rsa: CKM_RSA_PKCS_KEY_PAIR_GEN
    case .ed25519: CKM_EC_EDWARDS_KEY_PAIR_GEN
    case .p256, .p384, .p521: CKM_EC_KEY_PAIR_GEN
    }
  }

  /// What to try as CKA_EC_PARAMS, one after the other; tokens do not agree on Ed25519. Once nothing for RSA.
  private var curveParameters: [[UInt8]] {
    guard let curve = EllipticCurve(kind) else { return [[]] }
    return curve == .ed25519 ? [curve.identifier, EllipticCurve.edwardsName] : [curve.identifier]
  }

  private func publicTemplate(_ curveParameters: [UInt8]) -> AttributeTemplate {
    var template = AttributeTemplate()
    template.add(CKA_TOKEN, true)
    template.add(CKA_PRIVATE, false)
    template.add(CKA_VERIFY, true)
    template.add(CKA_LABEL, Array(label.utf8))
    template.add(CKA_ID, id)
    if case .rsa(let bits) = kind {
      template.add(CKA_MODULUS_BITS, CK_ULONG(bits))
      template.add(CKA_PUBLIC_EXPONENT, [0x01, 0x00, 0x01])
    } else {
      template.add(CKA_EC_PARAMS, curveParameters)
    }
    return template
  }

  private func privateTemplate(refusesOtherUses: Bool) -> AttributeTemplate {
    var template = AttributeTemplate()
    template.add(CKA_TOKEN, true)
    template.add(CKA_PRIVATE, true)
    template.add(CKA_SENSITIVE, true)
    template.add(CKA_EXTRACTABLE, false)
    template.add(CKA_SIGN, true)
    template.add(CKA_LABEL, Array(label.utf8))
    template.add(CKA_ID, id)
    // Tokens may allow the other uses unless told otherwise.
    if refusesOtherUses {
      for use in [CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE] { template.add(use, false) }
    }
    return template
  }
}
