import Glibc
import OCSP
import OpenSSLCrypto
import Responder
import Synchronization
import Testing

@testable import PKCS11Signer

@Suite("Logins, and PINs that are refused")
struct LoginTests {
  @Test("a wrong PIN is tried once by all threads together, and the right one once logins are allowed again")
  func wrongPIN() throws {
    let scene = try FaultScene()
    let before = scene.fault.calls("C_Login")
    let wrong = try scene.token.signer(.p256, key: scene.key, pin: .file(SoftHSM.folder + "/wrong-pin"))
    let errors = Mutex<[SigningError?]>([])
    Threads.run(4) { _ in
      for _ in 0..<3 {
        let error = signingError { _ = try wrong.openSession() }
        errors.withLock { $0.append(error) }
      }
    }
    #expect(scene.fault.calls("C_Login") - before == 1)
    for error in errors.withLock({ $0 }) {
      let error = try #require(error)
      #expect(error.scope == .configuration)
      #expect(error.description.contains("wrong-pin") && error.description.contains("CKR_PIN_INCORRECT"))
      #expect(!error.description.contains("4321"))
    }
    scene.token.reopenLogins()
    scene.check(try scene.signer.openSession().sign(message()), message())
  }

  /// Codes that say that the PIN was not looked at.
  private static let unevaluated: [ReturnCode] = [
    .hostMemory, .deviceRemoved, .operationActive, .sessionClosed, .sessionHandleInvalid, .tokenNotPresent,
    .userPINNotInitialized, .userAnotherAlreadyLoggedIn, .cryptokiNotInitialized,
  ]

  @Test("whatever other code a login is answered with, its PIN is tried once, though the token shows no flag")
  func everyCode() throws {
    let scene = try FaultScene()
    let pin = SoftHSM.folder + "/pin-of-a-code"
    let signer = try scene.token.signer(.p256, key: scene.key, pin: .file(pin))
    let vendors = [0x8000_0123, 0x77].map { ReturnCode(rawValue: $0) }
    let harmless = LoginTests.unevaluated + [.ok, .userAlreadyLoggedIn]
    for (number, code) in (ReturnCode.named + vendors).enumerated() where !harmless.contains(code) {
      // What was refused once is refused for good.
      SoftHSM.write("\(10_000 + number)\n", to: pin)
      scene.fault.obey("C_Login rv=0x\(String(code.rawValue, radix: 16))")
      scene.token.reopenLogins()
      let before = scene.fault.calls("C_Login")
      for _ in 0..<3 {
        let error = try #require(signingError { _ = try signer.openSession() })
        #expect(error.scope == .configuration && error.description.contains("C_Login: \(code)"))
      }
      #expect(scene.fault.calls("C_Login") - before == 1, "\(code)")
    }
  }

  @Test("a code that says that no PIN was looked at is not held against it, and costs one login an opening")
  func unevaluated() throws {
    let scene = try FaultScene()
    for code in LoginTests.unevaluated {
      scene.fault.obey("C_Login rv=0x\(String(code.rawValue, radix: 16))")
      let before = scene.fault.calls("C_Login")
      for _ in 0..<3 {
        let error = try #require(signingError { _ = try scene.signer.openSession() })
        // A token without a PIN waits for somebody to give it one.
        #expect(error.scope == (code == .userPINNotInitialized ? .configuration : .token))
        #expect(error.description.contains("C_Login: \(code)"))
      }
      #expect(scene.fault.calls("C_Login") - before == 3, "\(code)")
      scene.fault.obey()
      scene.check(try scene.signer.openSession().sign(message()), message())
    }
  }

  @Test("a session that was logged out tries its PIN once, whatever signing insists on")
  func insisting() throws {
    let scene = try FaultScene()
    let session = try scene.signer.openSession()
    scene.fault.obey("logout", "C_Login rv=0x80000123")
    let before = scene.fault.calls("C_Login")
    for _ in 0..<3 { #expect(signingError { _ = try session.sign(message()) }?.scope == .configuration) }
    #expect(scene.fault.calls("C_Login") - before == 1)
  }

  @Test("a reading of the configuration lets another PIN be tried, and never one that was refused before")
  func readAnew() throws {
    let scene = try FaultScene()
    let pin = SoftHSM.folder + "/changing-pin"
    let signer = try scene.token.signer(.p256, key: scene.key, pin: .file(pin))
    var tried = scene.fault.calls("C_Login")
    func open(with text: String, tries: Int) -> String {
      SoftHSM.write(text + "\n", to: pin)
      let error = signingError { _ = try signer.openSession() }
      #expect(scene.fault.calls("C_Login") - tried == tries)
      tried = scene.fault.calls("C_Login")
      return error?.description ?? ""
    }
    #expect(open(with: "1111", tries: 1).contains("C_Login: CKR_PIN_INCORRECT"))
    #expect(open(with: SoftHSM.pin, tries: 0).contains("refused"), "nothing before the configuration is read")
    for _ in 0..<3 {
      scene.token.reopenLogins()
      for _ in 0..<2 {
        let words = open(with: "1111", tries: 0)
        #expect(words.contains("the same that was refused before") && words.contains("restart"))
        #expect(words.contains(pin) && words.contains("CKR_PIN_INCORRECT") && !words.contains("1111"))
      }
    }
    #expect(open(with: "2222", tries: 1).contains("C_Login: CKR_PIN_INCORRECT"))
    scene.token.reopenLogins()
    #expect(open(with: "1111", tries: 0).contains("refused before"))
    #expect(open(with: "2222", tries: 0).contains("refused before"))
    #expect(open(with: SoftHSM.pin, tries: 1) == "")
  }

  @Test("no PIN is tried where a wrong one would lock the token, or where it is locked", arguments: [0x20000, 0x40000])
  func finalTry(flags: Int) throws {
    let scene = try FaultScene()
    scene.fault.obey("token flags=\(flags)")
    let before = scene.fault.calls("C_Login")
    let error = try #require(signingError { _ = try scene.signer.openSession() })
    #expect(error.scope == .configuration && error.description.contains("lock"))
    #expect(scene.fault.calls("C_Login") == before)
  }

  @Test("a PIN file that is missing, empty or no file for a moment costs no login, and is read again")
  func momentarily() throws {
    let scene = try FaultScene()
    let pin = SoftHSM.folder + "/momentary-pin"
    let signer = try scene.token.signer(.p256, key: scene.key, pin: .file(pin))
    let before = scene.fault.calls("C_Login")
    func fails(with words: String) throws {
      let error = try #require(signingError { _ = try signer.openSession() })
      #expect(error.scope == .token && error.description.contains("\(pin)"), "\(error)")
      #expect(error.description.contains(words), "\(error)")
    }
    try fails(with: "No such file")
    SoftHSM.write("", to: pin)
    try fails(with: "it is empty")
    unsafe unlink(pin)
    // Nobody writes to this pipe.
    unsafe mkfifo(pin, 0o600)
    try fails(with: "no regular file")
    #expect(scene.fault.calls("C_Login") == before)
    SoftHSM.write(SoftHSM.pin + "\n", to: pin)
    scene.check(try signer.openSession().sign(message()), message())
  }

  @Test("a PIN that cannot be read, and none at all, are named by place")
  func noPIN() throws {
    let scene = try FaultScene()
    func error(_ source: PINSource?) throws -> SigningError {
      var uri = scene.token.uri("key")
      uri.pinSource = source
      let signer = PKCS11Signer(
        uri: uri, scheme: .p256, certificateName: "ocsp.pem", digest: { octets, _ in octets }, verify: { _, _ in true })
      return try #require(signingError { _ = try signer.openSession() })
    }
    #expect(try error(.file("/nowhere/pin")).description.contains("/nowhere/pin: No such file"))
    #expect(try error(.file("/nowhere/pin")).scope == .token)
    #expect(try error(.environment("AVOUCH_NO_SUCH_PIN")).scope == .configuration)
    #expect(try error(.environment("AVOUCH_NO_SUCH_PIN")).description.contains("AVOUCH_NO_SUCH_PIN"))
    #expect(try error(nil).description.contains("pin-source=file:/path"))
    #expect(try error(nil).scope == .configuration)
  }
}
