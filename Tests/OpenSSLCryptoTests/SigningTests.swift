import CalendarTime
import OCSP
import OpenSSLCrypto
import Responder
import Testing

@Suite("Keys, certificates and signatures")
struct SigningTests {
  private static let now = UnixTime(seconds: 1_780_000_000)
  private static let names = SignerCheck.Names(issuer: "ca.pem", certificate: "ocsp.pem")
  private static let responderExtensions = [
    (name: "keyUsage", value: "critical,digitalSignature"), (name: "extendedKeyUsage", value: "OCSPSigning"),
    (name: "noCheck", value: "ignored"),
  ]

  private func certificate(
    _ name: String, _ key: PrivateKey, issuer: Certificate? = nil, issuerKey: PrivateKey? = nil,
    extensions: [(name: String, value: String)], notBefore: Int64 = -1000, notAfter: Int64 = 365 * 86_400
  ) throws -> Certificate {
    let template = CertificateTemplate(
      subject: [("CN", name)], serialOctets: [0x7F, 1], notBefore: SigningTests.now.advanced(bySeconds: notBefore),
      notAfter: SigningTests.now.advanced(bySeconds: notAfter), extensions: extensions)
    return try template.sign(key: key, issuer: issuer, issuerKey: issuerKey ?? key)
  }

  private func authority(_ kind: KeyKind = .p256, name: String = "CA") throws -> (Certificate, PrivateKey) {
    let key = try PrivateKey.generate(kind)
    return (try certificate(name, key, extensions: [("basicConstraints", "critical,CA:TRUE")]), key)
  }

  @Test(
    "every kind of key signs what verifies, and nothing else does",
    arguments: [
      (KeyKind.p256, SignatureScheme.Padding.pkcs1, HashAlgorithm?.none), (.p384, .pkcs1, nil),
      (.p521, .pkcs1, nil),
      (.ed25519, .pkcs1, nil), (.rsa(bits: 2048), .pkcs1, nil), (.rsa(bits: 3072), .pss, .sha384),
      (.rsa(bits: 4096), .pss, nil),
      (.rsa(bits: 2048), .pkcs1, .sha512), (.p256, .pkcs1, .sha384),
    ])
  func kinds(kind: KeyKind, padding: SignatureScheme.Padding, digest: HashAlgorithm?) throws {
    let (certificate, key) = try authority(kind)
    #expect(key.kind == kind && key.belongs(to: certificate))
    #expect(try key.publicKey.belongs(to: certificate))
    let signer = SoftwareSigner(key: key, scheme: try SignatureScheme(key: kind, digest: digest, padding: padding))
    let session = try signer.openSession()
    for length in [0, 1, 200] {
      let message = [0x30, 0x81, UInt8(length)] + [UInt8](repeating: 7, count: length)
      let der = length < 128 ? [0x30, UInt8(length)] + [UInt8](repeating: 7, count: length) : message
      var signature = try session.sign(der)
      func isValid(_ octets: [UInt8]) -> Bool {
        SignatureVerifier.isValid(signature, over: octets, algorithm: signer.signatureAlgorithm, by: certificate)
      }
      #expect(isValid(der))
      if length > 0 {
        var other = der
        other[other.count - 1] ^= 1
        #expect(!isValid(other))
      }
      signature[signature.count - 1] ^= 1
      #expect(!isValid(der))
    }
  }

  @Test("AlgorithmIdentifiers are the octets of TLS BR 7.1.3.2, RFC 4055 and RFC 8410")
  func identifiers() throws {
    func hex(_ kind: KeyKind, _ padding: SignatureScheme.Padding = .pkcs1, _ digest: HashAlgorithm? = nil)
      throws -> String
    {
      try SignatureScheme(key: kind, digest: digest, padding: padding).algorithmIdentifier.map {
        String(UInt16($0) | 0x100, radix: 16).dropFirst()
      }.joined()
    }
    #expect(try hex(.p256) == "300a06082a8648ce3d040302")
    #expect(try hex(.p384) == "300a06082a8648ce3d040303")
    #expect(try hex(.p521) == "300a06082a8648ce3d040304")
    #expect(try hex(.rsa(bits: 2048)) == "300d06092a864886f70d01010b0500")
    #expect(try hex(.ed25519) == "300506032b6570")
    #expect(
      try hex(.rsa(bits: 2048), .pss)
        == "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d0609608648016503040201"
        + "0500a203020120")
  }

  @Test("what no rule allows is refused: SHA-1, short keys, PSS without RSA, a digest for Ed25519")
  func refusals() {
    #expect(throws: SignatureSchemeError.self) { try SignatureScheme(key: .p256, digest: .sha1, padding: .pkcs1) }
    #expect(throws: SignatureSchemeError.self) {
      try SignatureScheme(key: .rsa(bits: 1024), digest: nil, padding: .pkcs1)
    }
    #expect(throws: SignatureSchemeError.self) { try SignatureScheme(key: .p256, digest: nil, padding: .pss) }
    #expect(throws: SignatureSchemeError.self) { try SignatureScheme(key: .ed25519, digest: .sha256, padding: .pkcs1) }
  }

  @Test("a request is signed by whoever has the key; a wrong signature is not let out")
  func requests() throws {
    let (certificate, key) = try authority()
    let (_, stranger) = try authority()
    let scheme = try SignatureScheme(key: .p256, digest: nil, padding: .pkcs1)
    let publicKey = try PublicKey(subjectPublicKeyInfo: SigningTests.publicKeyInfo(certificate), name: "key")
    #expect(publicKey.belongs(to: certificate))
    let request = CertificateRequest(
      subject: [("O", "Example"), ("CN", "OCSP")], extensions: CertificateRequest.responderExtensions)
    func pem(_ key: PrivateKey) throws -> [UInt8] {
      let session = try SoftwareSigner(key: key, scheme: scheme).openSession()
      return try request.pem(publicKey: publicKey, algorithm: scheme.algorithmIdentifier) { try session.sign($0) }
    }
    #expect(try PEM.blocks(in: pem(key)).map(\.label) == ["CERTIFICATE REQUEST"])
    #expect { try pem(stranger) } throws: { "\($0)".contains("does not verify") }
    let template = CertificateTemplate(
      subject: request.subject, serialOctets: [1], notBefore: SigningTests.now, notAfter: SigningTests.now,
      extensions: SigningTests.responderExtensions)
    #expect(
      publicKey.belongs(to: try template.sign(publicKey: publicKey, issuer: certificate, issuerKey: key)))
  }

  /// SubjectPublicKeyInfo of a P-256 key.
  private static func publicKeyInfo(_ certificate: Certificate) -> [UInt8] {
    let algorithm: [UInt8] = [
      0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03,
      0x01, 0x07,
    ]
    return [0x30, 0x59] + algorithm + [0x03, 0x42, 0x00] + certificate.publicKeyBits
  }

  @Test("keys and certificates survive PEM; damage and wrong files are named")
  func files() throws {
    let (certificate, key) = try authority()
    #expect(try Certificate(file: certificate.pem, name: "a").der == certificate.der)
    #expect(try Certificate(file: certificate.der, name: "a").der == certificate.der)
    #expect(try PrivateKey(file: key.pem, name: "a", passphrase: nil).belongs(to: certificate))
    for octets in [[], [0x30], Array("text".utf8), key.pem, Array(certificate.der.dropLast())] as [[UInt8]] {
      #expect { try Certificate(file: octets, name: "bad.pem") } throws: { "\($0)".contains("bad.pem") }
    }
    #expect { try PrivateKey(file: certificate.pem, name: "bad.key", passphrase: nil) } throws: {
      "\($0)".contains("bad.key")
    }
    #expect(certificate.serialOctets == [0x7F, 1])
    #expect(try PEM.blocks(in: certificate.pem + key.pem).map(\.label) == ["CERTIFICATE", "PRIVATE KEY"])
  }

  @Test("a good delegate passes, each flaw is refused or warned of by name")
  func delegates() throws {
    let (issuer, issuerKey) = try authority()
    let (stranger, strangerKey) = try authority(name: "Stranger")
    let key = try PrivateKey.generate(.p256)
    func check(
      _ delegate: Certificate, _ untimely: SignerCheck.Untimely = .refused, key other: PrivateKey? = nil
    ) throws -> [String] {
      try SignerCheck.run(
        issuer: issuer, certificate: delegate, keys: [(other ?? key, "ocsp.key")], now: SigningTests.now,
        untimely: untimely, names: SigningTests.names)
    }
    func delegate(
      _ extensions: [(name: String, value: String)] = SigningTests.responderExtensions,
      by signer: (Certificate, PrivateKey)? = nil,
      notBefore: Int64 = -1000, notAfter: Int64 = 90 * 86_400
    ) throws -> Certificate {
      try certificate(
        "Responder", key, issuer: signer?.0 ?? issuer, issuerKey: signer?.1 ?? issuerKey, extensions: extensions,
        notBefore: notBefore, notAfter: notAfter)
    }
    #expect(try check(delegate()) == [])
    #expect(try check(delegate(Array(SigningTests.responderExtensions.dropLast()))).first?.contains("nocheck") == true)
    #expect(try check(delegate(notAfter: 86_400)).first?.contains("renew") == true)
    for (bad, expected) in [
      (try delegate(by: (stranger, strangerKey)), "not issued by"), (try delegate(notAfter: -1), "is valid from"),
      (try delegate(notBefore: 10), "is valid from"),
      (try delegate([("extendedKeyUsage", "serverAuth")]), "OCSPSigning is missing"),
      (try delegate([]), "OCSPSigning is missing"),
      (try delegate([("extendedKeyUsage", "OCSPSigning"), ("keyUsage", "keyEncipherment")]), "digitalSignature"),
    ] {
      #expect { try check(bad) } throws: { "\($0)".contains("ocsp.pem") && "\($0)".contains(expected) }
    }
    for untimely in [try delegate(notAfter: -1), try delegate(notBefore: 10)] {
      let warnings = try check(untimely, .warnedOf)
      #expect(warnings.count == 1 && warnings[0].contains("ocsp.pem") && warnings[0].contains("nothing is signed"))
    }
    #expect { try check(delegate(), key: strangerKey) } throws: { "\($0)".contains("ocsp.key") }
    #expect(
      try SignerCheck.run(
        issuer: issuer, certificate: nil, keys: [(issuerKey, "ocsp.key")], now: SigningTests.now,
        names: SigningTests.names) == [])
    #expect {
      try SignerCheck.run(
        issuer: delegate(), certificate: nil, keys: [(key, "ocsp.key")], now: SigningTests.now,
        names: SigningTests.names)
    } throws: { "\($0)".contains("not a CA certificate") }
  }

  @Test("digests are those of the standard's examples")
  func digests() {
    func hex(_ octets: [UInt8]) -> String { octets.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined() }
    let hasher = OpenSSLHasher()
    #expect(hex(hasher.digest(Array("abc".utf8), .sha1)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(
      hex(hasher.sha256(Array("a".utf8), Array("bc".utf8)).octets)
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
