import Glibc
import OpenSSLCrypto
import Responder
import Synchronization
import Testing

@testable import PKCS11Signer

/// A copy of SoftHSM with tokens of its own: what becomes of them and of the library concerns no other test.
struct OwnSoftHSM {
  static let numbers = [1, 3, 4, 5, 6, 7]
  let path: String
  private let folder: String

  static func folder(_ number: Int, in folder: String) -> String { folder + "/own-\(number)" }
  static func variable(_ number: Int) -> String { "SOFTHSM\(number)_CONF" }

  /// - Parameter number: one of `numbers`, for each copy another.
  init(_ number: Int) throws {
    precondition(OwnSoftHSM.numbers.contains(number))
    folder = OwnSoftHSM.folder(number, in: SoftHSM.folder)
    path = folder + "/softhsm.so"
    unsafe mkdir(folder, 0o700)
    unsafe mkdir(folder + "/tokens", 0o700)
    unsafe mkdir(folder + "/away", 0o700)
    SoftHSM.write(
      "directories.tokendir = \(folder)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", to: folder + "/conf")
    // It reads the variable at every C_Initialize: under a name of its own, of the same length.
    let variable = OwnSoftHSM.variable(number)
    precondition(unsafe system("sed s/SOFTHSM2_CONF/\(variable)/g \(SoftHSM.path) > \(path)") == 0)
    setPatience(600_000)
  }

  var module: TokenModule { TokenModule.at(path) }

  func setPatience(_ milliseconds: Int64) {
    module.health.patienceMilliseconds.store(milliseconds, ordering: .relaxed)
  }

  /// Made in this process: while one is made nobody else may ask for the copy's slots.
  ///
  /// - Parameter upToPIN: leaves the token as it is before its user has a PIN.
  func makeToken(_ label: String, upToPIN: Bool = false) throws -> TestToken {
    if upToPIN {
      let slots = try TokenTools.slots(modulePath: path)
      let free = try #require(slots.first { $0.token?.isInitialized == false })
      try module.cryptoki().initializeToken(
        free.id, soPIN: Array(SoftHSM.officerPIN.utf8), label: try #require(PaddedText.padded(label, count: 32)))
    } else {
      _ = try TokenTools.initializeToken(
        modulePath: path, label: label, securityOfficerPIN: SoftHSM.officerPIN, pin: SoftHSM.pin)
    }
    return TestToken(modulePath: path, label: label)
  }

  func scene(_ label: String = "one") throws -> OwnScene {
    let token = try makeToken(label)
    let key = try token.makeKey(.p256)
    let signer = try token.signer(.p256, key: key)
    return OwnScene(token: token, signer: signer, key: key)
  }

  /// The token's folder is the one whose files name its label.
  func moveAway(_ token: TestToken) { move(token, from: "tokens", to: "away") }
  func moveBack(_ token: TestToken) { move(token, from: "away", to: "tokens") }

  private func move(_ token: TestToken, from: String, to: String) {
    let found = SoftHSM.output("grep -l \(token.label) \(folder)/\(from)/*/token.object").split(separator: "\n")
    precondition(found.count == 1, "\(found)")
    let name = found[0].dropLast("/token.object".count)
    precondition(unsafe rename(String(name), folder + "/\(to)/" + name.split(separator: "/").last!) == 0)
  }
}

struct OwnScene: Sendable {
  let token: TestToken
  let signer: PKCS11Signer
  let key: PublicKey

  func check(_ signature: [UInt8], _ text: [UInt8]) {
    #expect(SignatureVerifier.isValid(signature, over: text, algorithm: signer.signatureAlgorithm, by: key))
  }
}
