import EventLoop
import OCSP
import OpenSSLCrypto
import Responder
import Synchronization
import Testing

@testable import PKCS11Signer

@Suite("Faults of a token, and what is done about them")
struct FaultTests {
  @Test("a code of any class that comes once is got over within the call")
  func once() throws {
    let scene = try FaultScene()
    let session = try scene.signer.openSession()
    for code in ReturnCode.named + FaultTests.vendors where code != .ok {
      for call in ["C_Sign", "C_SignInit"] {
        scene.fault.obey("\(call) rv=0x\(String(code.rawValue, radix: 16)) count=1")
        let signature = try session.sign(message(1))
        scene.check(signature, message(1))
      }
    }
  }

  private static let vendors = [ReturnCode(rawValue: 0x8000_0001), ReturnCode(rawValue: 0x77)]

  @Test("a code that keeps coming ends after three attempts, with the scope of its class")
  func always() throws {
    let scene = try FaultScene()
    let session = try scene.signer.openSession()
    let expected: [(UInt, SigningError.Scope)] = [
      (0xB3, .signature), (0x06, .signature), (0x101, .token), (0x30, .token), (0x190, .token), (0x8000_0001, .token),
      // The key has signed before: what is refused now may be granted again.
      (0x70, .token), (0x68, .token),
    ]
    for (code, scope) in expected {
      scene.fault.obey("C_Sign rv=0x\(String(code, radix: 16))")
      let before = scene.fault.calls("C_Sign")
      let error = try #require(signingError { _ = try session.sign(message()) })
      #expect(error.scope == scope && error.description.contains("C_Sign: \(ReturnCode(rawValue: code))"))
      #expect(scene.fault.calls("C_Sign") - before <= 3)
      scene.fault.obey()
      scene.check(try session.sign(message(2)), message(2))
    }
  }

  @Test("before the first signature a class that needs mending is the configuration's", arguments: [0x70, 0x68, 0x54])
  func misconfigured(code: UInt) throws {
    let scene = try FaultScene()
    scene.fault.obey("C_SignInit rv=0x\(String(code, radix: 16))")
    let error = try #require(signingError { _ = try scene.signer.openSession() })
    #expect(error.scope == .configuration)
  }

  @Test("a mechanism that the token lacks is named beside those it has")
  func mechanism() throws {
    let scene = try FaultScene()
    scene.fault.obey("C_GetMechanismInfo rv=0x70")
    let error = try #require(signingError { _ = try scene.signer.openSession() })
    #expect(error.scope == .configuration)
    #expect(error.description.contains("cannot sign with CKM_ECDSA") && error.description.contains("it has CKM_ECDSA"))
  }

  @Test("a token that forgets its login is logged into again")
  func logout() throws {
    let scene = try FaultScene()
    let session = try scene.signer.openSession()
    let before = scene.fault.calls("C_Login")
    scene.fault.obey("logout")
    scene.check(try session.sign(message(3)), message(3))
    #expect(scene.fault.calls("C_Login") - before == 1)
  }

  @Test("a session that the module closed behind our back is opened anew")
  func closed() throws {
    let scene = try FaultScene()
    let session = try scene.signer.openSession()
    let cryptoki = try TokenModule.at(scene.fault.path).cryptoki()
    try cryptoki.closeAllSessions(of: scene.token)
    scene.check(try session.sign(message(4)), message(4))
  }

  @Test("a token that is pulled out is missed at once, and used again when it is back")
  func removed() throws {
    let scene = try FaultScene()
    let session = try scene.signer.openSession()
    scene.fault.obey("token absent")
    for _ in 0..<3 {
      let error = try #require(signingError { _ = try session.sign(message()) })
      #expect(error.scope == .token)
    }
    #expect(signingError { _ = try scene.signer.openSession() }?.description.contains("is not there") == true)
    scene.fault.obey()
    scene.check(try session.sign(message(5)), message(5))
  }

  @Test("where the token has no session left, the error says so, and reaches no further than this thread")
  func sessionLimit() throws {
    let scene = try FaultScene()
    #expect(try scene.signer.maximumSessions() == nil)
    scene.fault.obey("token sessions=2")
    let first = try scene.signer.openSession()
    var second: (any SigningSession)? = try scene.signer.openSession()
    #expect(second != nil)
    let before = scene.fault.calls("C_OpenSession")
    let error = try #require(signingError { _ = try scene.signer.openSession() })
    #expect(
      error.scope == .thread && error.description.contains("no session left for another thread (it allows at most 2)"))
    #expect(scene.fault.calls("C_OpenSession") == before + 1, "it was not tried again at once")
    scene.check(try first.sign(message()), message())
    second = nil
    scene.check(try scene.signer.openSession().sign(message()), message())
  }

  @Test("slots that do not answer are named where the token is not found")
  func deafSlot() throws {
    let scene = try FaultScene()
    scene.fault.obey("C_GetTokenInfo rv=0x30")
    let error = try #require(signingError { _ = try scene.signer.openSession() })
    #expect(error.scope == .token && error.description.contains("does not answer (C_GetTokenInfo: CKR_DEVICE_ERROR)"))
  }

  @Test("a library that has lost its state is initialised again")
  func finalized() throws {
    // A library of its own: C_Finalize would end the sessions of all other tests.
    let path = SoftHSM.folder + "/finalized.so"
    SoftHSM.copy(SoftHSM.path, to: path)
    let token = try SoftHSM.takeToken(path)
    let key = try token.makeKey(.p256)
    let signer = try token.signer(.p256, key: key)
    let sessions = [try signer.openSession(), try signer.openSession()]
    #expect(try TokenModule.at(path).cryptoki().finalize() == .ok)
    for session in sessions {
      let signature = try session.sign(message(6))
      #expect(
        SignatureVerifier.isValid(signature, over: message(6), algorithm: signer.signatureAlgorithm, by: key))
    }
  }

  @Test("a signature that does not verify is never returned")
  func corrupt() throws {
    let scene = try FaultScene(verifiedShare: 1)
    let session = try scene.signer.openSession()
    for round in 0..<3 {
      scene.fault.obey("C_Sign corrupt count=1")
      let error = try #require(signingError { _ = try session.sign(message(round)) })
      #expect(error.scope == .token)
      #expect(error.description.contains("the token returned a signature that does not verify"))
      scene.check(try session.sign(message(round)), message(round))
    }
    // A token that does nothing else is not taken for another key: it has signed well before.
    scene.fault.obey("C_Sign corrupt")
    for _ in 0..<2 { #expect(signingError { _ = try session.sign(message()) }?.scope == .token) }
    scene.fault.obey()
    scene.check(try session.sign(message()), message())
  }

  @Test("behind a signature that does not verify all are verified for a while")
  func suspicion() throws {
    let scene = try FaultScene(verifiedShare: 0.01)
    let session = try scene.signer.openSession()
    for number in 0..<3 { scene.check(try session.sign(message(number)), message(number)) }
    scene.fault.obey("C_Sign corrupt")
    // Of the first hundred at least one is looked at; from then on each.
    var unnoticed = 0
    while signingError({ _ = try session.sign(message(unnoticed)) }) == nil, unnoticed < 200 { unnoticed += 1 }
    #expect(unnoticed < 100)
    for number in 0..<50 {
      let error = try #require(signingError { _ = try session.sign(message(number)) })
      #expect(error.description.contains("does not verify"))
    }
    scene.fault.obey()
    scene.check(try session.sign(message(1)), message(1))
  }

  @Test("a call that hangs stops neither other sessions nor new ones")
  func hang() throws {
    let scene = try FaultScene()
    let stuck = NamedSession(try scene.signer.openSession())
    let other = try scene.signer.openSession()
    scene.fault.obey("C_Sign hang count=1")
    let result = Mutex<[UInt8]>([])
    let thread = Threads.start { result.withLock { $0 = (try? stuck.session.sign(message(7))) ?? [] } }
    #expect(scene.fault.waitHanging(1))
    for number in 0..<20 { scene.check(try other.sign(message(number)), message(number)) }
    scene.check(try scene.signer.openSession().sign(message(8)), message(8))
    scene.fault.obey()
    thread.join()
    scene.check(result.withLock { $0 }, message(7))
  }

  @Test("a module that hangs in a login holds up no other module, and no session that is logged in")
  func hangingLogin() throws {
    let scene = try FaultScene()
    let other = try FaultScene()
    let signer = scene.signer
    scene.fault.obey("C_Login hang count=1")
    let thread = Threads.start { _ = try? signer.openSession().sign(message()) }
    #expect(scene.fault.waitHanging(1))
    other.check(try other.signer.openSession().sign(message()), message())
    scene.fault.obey()
    thread.join()
  }
}

/// A token behind a fault module of its own, with a P-256 key in it.
struct FaultScene {
  let fault = FaultModule()
  let token: TestToken
  let key: PublicKey
  let signer: PKCS11Signer

  init(verifiedShare: Double = 0) throws {
    token = try SoftHSM.takeToken(fault.path)
    key = try token.makeKey(.p256)
    signer = try token.signer(.p256, key: key, options: PKCS11Signer.Options(verifiedShare: verifiedShare))
  }

  func check(_ signature: [UInt8], _ text: [UInt8]) {
    #expect(SignatureVerifier.isValid(signature, over: text, algorithm: signer.signatureAlgorithm, by: key))
  }
}

/// A session that is handed to one other thread and left to it.
final class NamedSession: @unchecked Sendable {
  let session: any SigningSession

  init(_ session: any SigningSession) { self.session = session }
}
