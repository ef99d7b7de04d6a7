import OCSP
import OpenSSLCrypto
import Responder
import Synchronization
import Testing

@testable import PKCS11Signer

@Suite("Signing in a token")
struct SigningTests {
  @Test(
    "every kind of key, digest and padding signs what OpenSSL verifies",
    arguments: [
      (KeyKind.p256, SignatureScheme.Padding.pkcs1, HashAlgorithm?.none), (.p256, .pkcs1, .sha384),
      (.p384, .pkcs1, nil), (.p521, .pkcs1, nil), (.ed25519, .pkcs1, nil), (.rsa(bits: 2048), .pkcs1, nil),
      (.rsa(bits: 2048), .pkcs1, .sha384), (.rsa(bits: 2048), .pkcs1, .sha512), (.rsa(bits: 3072), .pss, .sha384),
      (.rsa(bits: 2048), .pss, nil), (.rsa(bits: 2048), .pss, .sha512), (.rsa(bits: 4096), .pkcs1, nil),
    ])
  func kinds(kind: KeyKind, padding: SignatureScheme.Padding, digest: HashAlgorithm?) throws {
    let token = try SoftHSM.takeToken()
    let key = try token.makeKey(kind)
    let scheme = try SignatureScheme(key: kind, digest: digest, padding: padding)
    let signer = try token.signer(scheme, key: key, options: PKCS11Signer.Options(verifiedShare: 0))
    let session = try signer.openSession()
    for number in 0..<40 {
      let signature = try session.sign(message(number))
      #expect(
        SignatureVerifier.isValid(
          signature, over: message(number), algorithm: signer.signatureAlgorithm, by: key))
      #expect(
        !SignatureVerifier.isValid(
          signature, over: message(number + 1), algorithm: signer.signatureAlgorithm, by: key))
    }
  }

  @Test("a key is found by its id, by its label, by both, and alone by nothing")
  func finding() throws {
    let token = try SoftHSM.takeToken()
    let only = try TokenTools.generateKeyPair(token.uri("first", id: [1, 0xAB]), .p256)
    #expect(only.id == [1, 0xAB] && only.label == "first" && only.kind == .p256)
    let key = try token.publicKey("first")
    func open(_ uri: PKCS11URI) throws {
      let signer = PKCS11Signer(
        uri: uri, scheme: .p256, certificateName: "ocsp.pem", digest: { OpenSSLHasher().digest($0, $1) },
        verify: {
          SignatureVerifier.isValid($0, over: $1, algorithm: SignatureScheme.p256.algorithmIdentifier, by: key)
        })
      _ = try signer.openSession().sign(message())
    }
    try open(token.uri(nil))
    try open(token.uri("first"))
    try open(token.uri(nil, id: [1, 0xAB]))
    try open(token.uri("first", id: [1, 0xAB]))
    try open(token.uri("first", pin: .environment("AVOUCH_TEST_PIN")))

    _ = try TokenTools.generateKeyPair(token.uri("second", id: [2]), .p384)
    let ambiguous = try #require(signingError { try open(token.uri(nil)) })
    #expect(ambiguous.scope == .configuration)
    #expect(ambiguous.description.contains("'first' (id 01ab, P-256)"))
    #expect(ambiguous.description.contains("'second' (id 02, P-384)"))
    let missing = try #require(signingError { try open(token.uri("third")) })
    #expect(missing.scope == .configuration)
    #expect(missing.description.contains("key 'third' is not in token") && missing.description.contains("'second'"))
    let wrongKind = try #require(signingError { try open(token.uri("second")) })
    #expect(wrongKind.scope == .configuration && wrongKind.description.contains("expected P-256"))
  }

  @Test("another key than the certificate's is told apart by its trial signature")
  func wrongKey() throws {
    let token = try SoftHSM.takeToken()
    try token.makeKey(.p256)
    let other = try token.makeKey(.p256, "other")
    let error = try #require(signingError { _ = try token.signer(.p256, key: other).openSession() })
    #expect(error.scope == .configuration && error.description.contains("'key' is not that of ocsp.pem"))
  }

  @Test("nothing is touched before the first session")
  func lazy() throws {
    let signer = PKCS11Signer(
      uri: try PKCS11URI("pkcs11:token=none?module-path=/nowhere/module.so"), scheme: .p256,
      certificateName: "ocsp.pem", digest: { octets, _ in octets }, verify: { _, _ in true })
    let error = try #require(signingError { _ = try signer.openSession() })
    #expect(error.scope == .configuration)
    #expect(error.description.contains("/nowhere/module.so: No such file or directory"))
  }

  @Test("a file that is no module, and a library that is none, are told apart")
  func notAModule() throws {
    func error(_ path: String) throws -> SigningError {
      let signer = PKCS11Signer(
        uri: PKCS11URI(modulePath: path, token: "t"), scheme: .p256, certificateName: "ocsp.pem",
        digest: { octets, _ in octets }, verify: { _, _ in true })
      return try #require(signingError { _ = try signer.openSession() })
    }
    let text = SoftHSM.folder + "/text.so"
    SoftHSM.write("no module\n", to: text)
    #expect(try error(text).scope == .configuration)
    #expect(try error(text).description.contains("cannot be loaded as a PKCS#11 module"))
    #expect(try error(text).description.contains(text))
    let library = try error("/usr/lib/x86_64-linux-gnu/libcrypto.so.3")
    #expect(library.scope == .configuration && library.description.contains("C_GetFunctionList"))
  }

  @Test("a token that is not there is named beside those that are; it may come")
  func missingToken() throws {
    let token = try SoftHSM.takeToken()
    let absent = TestToken(modulePath: SoftHSM.path, label: "no such token")
    let error = try #require(
      signingError { _ = try absent.signer(.p256, key: try token.makeKey(.p256)).openSession() })
    #expect(error.scope == .token)
    #expect(error.description.contains("'no such token'") && error.description.contains("'\(token.label)' (serial"))
  }

  @Test("many threads sign with one signer, each in its session")
  func threads() throws {
    let token = try SoftHSM.takeToken()
    let key = try token.makeKey(.p256)
    let signer = try token.signer(.p256, key: key, options: PKCS11Signer.Options(verifiedShare: 0.5))
    let good = Mutex(0)
    let failures = Mutex<[String]>([])
    Threads.run(4) { thread in
      do {
        let session = try signer.openSession()
        for number in 0..<50 {
          let text = message(thread << 16 | number)
          let signature = try session.sign(text)
          let isValid = SignatureVerifier.isValid(
            signature, over: text, algorithm: signer.signatureAlgorithm, by: key)
          if isValid { good.withLock { $0 += 1 } }
        }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(good.withLock { $0 } == 200 && failures.withLock { $0 } == [])
  }

  @Test("RSA signatures are all verified, others at the rate that was asked for", arguments: [0.0, 0.25, 1.0])
  func rate(share: Double) throws {
    let token = try SoftHSM.takeToken()
    func verifications(_ scheme: SignatureScheme, _ name: String) throws -> Int {
      let key = try token.makeKey(scheme.key, name)
      let counting = Counter()
      let signer = PKCS11Signer(
        uri: token.uri(name), scheme: scheme, certificateName: "ocsp.pem",
        options: PKCS11Signer.Options(verifiedShare: share), digest: { OpenSSLHasher().digest($0, $1) },
        verify: {
          counting.add()
          return SignatureVerifier.isValid($0, over: $1, algorithm: scheme.algorithmIdentifier, by: key)
        })
      let session = try signer.openSession()
      let before = counting.value
      for number in 0..<40 { _ = try session.sign(message(number)) }
      return counting.value - before
    }
    #expect(try verifications(.p256, "ec") == Int(40 * share))
    #expect(try verifications(.rsa, "rsa") == 40)
  }
}

final class Counter: Sendable {
  private let count = Mutex(0)

  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
