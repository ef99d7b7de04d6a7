import OpenSSLCrypto
import Responder
import Testing

@testable import PKCS11Signer

@Suite("Making and listing keys in a token")
struct TokenToolsTests {
  @Test(
    "a key made in the token signs, never leaves it, and OpenSC says the same",
    arguments: [KeyKind.p256, .p384, .p521, .rsa(bits: 2048), .ed25519])
  func generate(kind: KeyKind) throws {
    let token = try SoftHSM.takeToken()
    let key = try TokenTools.generateKeyPair(token.uri("responder", id: [0xAB, 1]), kind)
    #expect(key.kind == kind && key.label == "responder" && key.id == [0xAB, 1])
    #expect(key.canSign == true && key.isSensitive == true)
    #expect(key.isExtractable == false && key.isNeverExtractable == true)
    #expect(try TokenTools.keys(token.uri()) == [key])
    let listed = SoftHSM.witness(token, "--list-objects --type privkey")
    #expect(listed.contains("responder") && listed.contains("ab01"))
    #expect(listed.contains("sensitive, always sensitive, never extractable, local"))
    #expect(!listed.contains("decrypt") && !listed.contains("unwrap") && !listed.contains("derive"))
  }

  // OpenSC 0.23 cannot read P-384: "cannot create EVP_PKEY".
  @Test("the public key is the one that OpenSC reads", arguments: [KeyKind.p256, .p521, .rsa(bits: 3072)])
  func publicKeys(kind: KeyKind) throws {
    let token = try SoftHSM.takeToken()
    _ = try TokenTools.generateKeyPair(token.uri("responder", id: [7]), kind)
    let der = try TokenTools.publicKey(token.uri("responder"))
    let file = "\(SoftHSM.folder)/\(token.label).der"
    let words = SoftHSM.witness(token, "--read-object --type pubkey --id 07 --output-file \(file)")
    let wanted = SoftHSM.output("openssl pkey -pubin -inform DER -in \(file) -outform DER -pubout | od -An -v -tx1")
    #expect(Hexadecimal.text(der) == wanted.filter { !$0.isWhitespace }, "\(words)")
    #expect(try PublicKey(subjectPublicKeyInfo: der, name: "key").subjectPublicKeyInfo == der)
  }

  @Test("a name or an id that is taken is refused, and nothing is made")
  func taken() throws {
    let token = try SoftHSM.takeToken()
    _ = try TokenTools.generateKeyPair(token.uri("first", id: [1]), .p256)
    for uri in [token.uri("first", id: [2]), token.uri("second", id: [1])] {
      #expect {
        try TokenTools.generateKeyPair(uri, .p256)
      } throws: {
        "\($0)".contains("has a key 'first' (id 01, P-256) already")
      }
    }
    #expect(throws: TokenError.self) { try TokenTools.generateKeyPair(token.uri(nil), .p256) }
    #expect(try TokenTools.keys(token.uri()).count == 1)
    // An id of its own where none is given.
    #expect(try TokenTools.generateKeyPair(token.uri("third"), .p256).id.count == 8)
  }

  @Test("slots and tokens are listed; without a PIN the private keys stay hidden")
  func lists() throws {
    let token = try SoftHSM.takeToken()
    try token.makeKey(.p256)
    let slots = try TokenTools.slots(modulePath: SoftHSM.path)
    let found = try #require(slots.compactMap(\.token).first { $0.label == token.label })
    #expect(found.isInitialized && found.requiresLogin && found.model == "SoftHSM v2")
    #expect(try Token(token.uri()).info() == found)
    var open = token.uri()
    open.pinSource = nil
    #expect(try TokenTools.keys(open) == [])
  }

  @Test("a token is initialised once under a name")
  func initialize() throws {
    let token = try SoftHSM.takeToken()
    #expect {
      try TokenTools.initializeToken(
        modulePath: SoftHSM.path, label: token.label, securityOfficerPIN: "87654321", pin: "1234")
    } throws: {
      "\($0)".contains("already")
    }
    #expect {
      try TokenTools.initializeToken(
        modulePath: SoftHSM.path, label: String(repeating: "x", count: 33), securityOfficerPIN: "87654321", pin: "1234")
    } throws: {
      "\($0)".contains("1 to 32")
    }
  }

  @Test("a token whose making was cut off before the user had a PIN is brought to its end")
  func cutOff() throws {
    let library = try OwnSoftHSM(7)
    let token = try library.makeToken("cut off", upToPIN: true)
    #expect {
      try TokenTools.initializeToken(
        modulePath: library.path, label: token.label, securityOfficerPIN: "12345678", pin: SoftHSM.pin)
    } throws: {
      "\($0)".contains("CKR_PIN_INCORRECT")
    }
    let info = try TokenTools.initializeToken(
      modulePath: library.path, label: token.label, securityOfficerPIN: SoftHSM.officerPIN, pin: SoftHSM.pin)
    #expect(info.label == token.label && info.hasUserPIN)
    #expect(try TokenTools.slots(modulePath: library.path).count { $0.token?.label == token.label } == 1)
    try token.makeKey(.p256)
  }

  @Test("an id is shown as a URI has it, and one given as the digits that people read is told from it")
  func ids() throws {
    let token = try SoftHSM.takeToken()
    let key = try TokenTools.generateKeyPair(token.uri("my key", id: [0x58, 0xAC]), .p256)
    #expect(key.uriAttributes == "object=my%20key;id=%58%ac")
    #expect(try PKCS11URI("pkcs11:\(key.uriAttributes)?module-path=/x").id == key.id)
    for (given, isHinted) in [("58ac", true), ("58AC", true), ("58ad", false)] {
      let uri = token.uri(id: Array(given.utf8))
      #expect {
        try TokenTools.publicKey(uri)
      } throws: {
        "\($0)".contains("has a '%': object=my%20key;id=%58%ac") == isHinted
      }
      let signer = PKCS11Signer(
        uri: uri, scheme: .p256, certificateName: "ocsp.pem", digest: { octets, _ in octets }, verify: { _, _ in true })
      let error = try #require(signingError { _ = try signer.openSession() })
      #expect(error.description.contains("id=%58%ac") == isHinted)
    }
  }

  @Test("the public key of what is not there is refused with what is")
  func missing() throws {
    let token = try SoftHSM.takeToken()
    try token.makeKey(.p256, "there")
    #expect {
      try TokenTools.publicKey(token.uri("elsewhere"))
    } throws: {
      "\($0)".contains("found none") && "\($0)".contains("'there'")
    }
  }
}
