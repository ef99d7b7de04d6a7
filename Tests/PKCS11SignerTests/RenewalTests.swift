import EventLoop
import Glibc
import OCSP
import OpenSSLCrypto
import Responder
import Synchronization
import Testing

@testable import PKCS11Signer

@Suite("A library that is taken down and up again")
struct RenewalTests {
  @Test("a SoftHSM token that was moved away and back is found again")
  func awayAndBack() throws {
    let library = try OwnSoftHSM(3)
    let scene = try library.scene()
    let session = try scene.signer.openSession()
    scene.check(try session.sign(message(1)), message(1))
    let generation = library.module.generation

    library.moveAway(scene.token)
    for _ in 0..<2 {
      let error = try #require(signingError { _ = try session.sign(message()) })
      #expect(error.scope == .token && error.description.contains("is not there"))
    }
    #expect(library.module.generation == generation, "nothing is done before its time")
    library.moveBack(scene.token)
    let deaf = try #require(signingError { _ = try scene.signer.openSession() })
    #expect(deaf.description.contains("does not answer"), "SoftHSM does not find it by itself")

    library.setPatience(0)
    scene.check(try session.sign(message(2)), message(2))
    #expect(library.module.generation == generation + 1)
    scene.check(try scene.signer.openSession().sign(message(3)), message(3))
  }

  @Test("while the token is away the library is not taken down more often than its patience allows")
  func rate() throws {
    let library = try OwnSoftHSM(4)
    let scene = try library.scene()
    let session = try scene.signer.openSession()
    let generation = library.module.generation
    library.moveAway(scene.token)
    library.setPatience(0)
    #expect(signingError { _ = try session.sign(message()) }?.scope == .token)
    let renewed = library.module.generation
    #expect(renewed > generation)

    library.setPatience(600_000)
    for _ in 0..<3 { #expect(signingError { _ = try session.sign(message()) }?.scope == .token) }
    #expect(library.module.generation == renewed)
    // SoftHSM has no slot for the token any more, and gets none when it is back.
    library.moveBack(scene.token)
    #expect(signingError { _ = try session.sign(message()) }?.scope == .token)

    library.setPatience(0)
    scene.check(try session.sign(message(1)), message(1))
    #expect(library.module.generation > renewed)
  }

  @Test("a token of the same module that works keeps its sessions, however long it has been idle")
  func others() throws {
    let library = try OwnSoftHSM(5)
    let (lost, kept) = (try library.scene("lost"), try library.scene("kept"))
    let session = try lost.signer.openSession()
    var other: (any SigningSession)? = try kept.signer.openSession()
    let generation = library.module.generation
    library.moveAway(lost.token)
    library.setPatience(0)
    for _ in 0..<3 {
      let error = try #require(signingError { _ = try session.sign(message()) })
      #expect(error.scope == .token && error.description.contains("another token of it works"))
    }
    #expect(library.module.generation == generation)
    kept.check(try #require(other).sign(message(1)), message(1))
    library.moveBack(lost.token)
    other = nil
    lost.check(try session.sign(message(2)), message(2))
    #expect(library.module.generation == generation + 1)
    kept.check(try kept.signer.openSession().sign(message(3)), message(3))
  }

  @Test("a thread in a call keeps the library up")
  func busy() throws {
    let scene = try FaultScene()
    let stuck = NamedSession(try scene.signer.openSession())
    let module = TokenModule.at(scene.fault.path)
    scene.fault.obey("C_Sign hang count=1")
    let thread = Threads.start { _ = try? stuck.session.sign(message(7)) }
    #expect(scene.fault.waitHanging(1))
    module.health.patienceMilliseconds.store(0, ordering: .relaxed)
    let generation = module.generation
    #expect(module.renew(after: generation) == .notNow)
    #expect(scene.fault.calls("C_Finalize") == 0 && module.generation == generation)
    module.health.patienceMilliseconds.store(.max / 2, ordering: .relaxed)
    scene.fault.obey()
    thread.join()
  }

  @Test("threads that sign while the library is taken down again and again get signatures or errors")
  func threads() throws {
    let library = try OwnSoftHSM(6)
    let scene = try library.scene()
    let module = library.module
    Threads.run(4) { place in
      guard place > 0 else {
        for _ in 0..<50 {
          _ = module.gate.alone { module.restart() }
        }
        return
      }
      for number in 0..<100 {
        guard let signature = try? scene.signer.openSession().sign(message(number)) else { continue }
        scene.check(signature, message(number))
      }
    }
    scene.check(try scene.signer.openSession().sign(message(1)), message(1))
  }
}
