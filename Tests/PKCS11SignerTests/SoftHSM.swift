import CP11Kit
import Glibc
import OCSP
import OpenSSLCrypto
import Responder
import Synchronization
import Testing

@testable import PKCS11Signer

/// SoftHSM with tokens of this process alone, in a temporary folder. The module is initialised once per process, so all
/// tests share the folder, and each takes tokens of its own from it.
enum SoftHSM {
  static let path = "/usr/lib/softhsm/libsofthsm2.so"
  static let pin = "1234"
  static let officerPIN = "87654321"

  /// Made, and named in the environment, before the first module is loaded; gone at the end of the process.
  static let folder: String = {
    var template = Array("/tmp/avouch-pkcs11-XXXXXX".utf8CString)
    let made = unsafe String(cString: mkdtemp(&template))
    unsafe mkdir(made + "/tokens", 0o700)
    write("directories.tokendir = \(made)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", to: made + "/conf")
    write(pin + "\n", to: made + "/pin")
    write("4321\n", to: made + "/wrong-pin")
    unsafe setenv("SOFTHSM2_CONF", made + "/conf", 1)
    // Here and nowhere else: the environment must not change while another thread starts a command with it.
    for number in OwnSoftHSM.numbers {
      unsafe setenv(OwnSoftHSM.variable(number), OwnSoftHSM.folder(number, in: made) + "/conf", 1)
    }
    makeTokens()
    unsafe setenv("AVOUCH_TEST_PIN", pin, 1)
    // By one thread: behind SoftHSM and all modules that pass calls on to it is one library, whose C_Initialize takes its
    // tables away from a thread that has just begun with them.
    precondition((try? TokenTools.slots(modulePath: path).isEmpty) == false, "SoftHSM shows no slots")
    atexit { unsafe system("rm -rf \(SoftHSM.folder)") }
    return made
  }()

  /// The fault module, built once.
  static let faultLibrary: String = {
    let parts = #filePath.split(separator: "/").dropLast(2)
    let source = "/" + parts.joined(separator: "/") + "/FaultModule/fault.c"
    let library = folder + "/fault.so"
    let code = unsafe system(
      "cc -shared -fPIC -O1 -Wall -Wextra -Werror -o \(library) \(source) $(pkg-config --cflags p11-kit-1) -lpthread")
    precondition(code == 0, "the fault module does not build")
    return library
  }()

  static func write(_ text: String, to path: String) {
    guard let file = unsafe fopen(path + ".new", "w") else { fatalError("\(path): cannot be written") }
    unsafe fputs(text, file)
    unsafe fclose(file)
    unsafe rename(path + ".new", path)
  }

  static func copy(_ from: String, to: String) {
    precondition(unsafe system("cp \(from) \(folder)/copy.$$ && mv \(folder)/copy.$$ \(to)") == 0)
  }

  /// What a command prints.
  static func output(_ command: String) -> String {
    guard let pipe = unsafe popen(command + " 2>&1", "r") else { return "" }
    defer { unsafe pclose(pipe) }
    var text = ""
    var line = [CChar](repeating: 0, count: 4096)
    while unsafe fgets(&line, Int32(line.count), pipe) != nil {
      text += line.prefix { $0 != 0 }.map { String(UnicodeScalar(UInt8(bitPattern: $0))) }.joined()
    }
    return text
  }

  private static let taken = Atomic<Int>(0)
  private static let tokenCount = 80

  /// So wide that no label is the beginning of another.
  private static func label(_ number: Int) -> String { "token-\(100 + number)" }

  // All of them before the module is loaded: where a token was initialised in this process, SoftHSM makes another free slot
  // in the next C_GetSlotList, and aborts if two threads are at it.
  private static func makeTokens() {
    let make = "softhsm2-util --init-token --free --so-pin \(officerPIN) --pin \(pin) --label"
    let labels = (1...tokenCount).map(label).joined(separator: " ")
    let code = unsafe system("for label in \(labels); do \(make) $label >/dev/null || exit 1; done")
    precondition(code == 0, "softhsm2-util makes no tokens")
  }

  /// What OpenSC's tool says of the token, which knows nothing of this program.
  static func witness(_ token: TestToken, _ arguments: String) -> String {
    output("pkcs11-tool --module \(path) --token-label \(token.label) --login --pin \(pin) \(arguments)")
  }

  /// A token that no other test has, without keys.
  ///
  /// - Parameter modulePath: SoftHSM, or what passes its calls on to it.
  static func takeToken(_ modulePath: String = path) throws -> TestToken {
    _ = folder
    let number = taken.add(1, ordering: .relaxed).newValue
    try #require(number <= tokenCount, "more tokens are taken than are made")
    return TestToken(modulePath: modulePath, label: label(number))
  }
}

/// One token of a test.
struct TestToken {
  let modulePath: String
  let label: String

  func uri(_ object: String? = nil, id: [UInt8]? = nil, pin: PINSource = .file(SoftHSM.folder + "/pin")) -> PKCS11URI {
    PKCS11URI(modulePath: modulePath, token: label, object: object, id: id, pinSource: pin)
  }

  /// For this token alone: other tests count what is tried at theirs.
  func reopenLogins() {
    TokenModule.at(modulePath).reopenLogins()
  }

  @discardableResult
  func makeKey(_ kind: KeyKind, _ name: String = "key") throws -> PublicKey {
    _ = try TokenTools.generateKeyPair(uri(name), kind)
    return try publicKey(name)
  }

  func publicKey(_ name: String) throws -> PublicKey {
    try PublicKey(subjectPublicKeyInfo: try TokenTools.publicKey(uri(name)), name: name)
  }

  /// - Parameter key: what signatures are verified with; nil takes the token's key of that name.
  func signer(
    _ scheme: SignatureScheme, _ name: String = "key", key: PublicKey? = nil, pin: PINSource? = nil,
    options: PKCS11Signer.Options = PKCS11Signer.Options()
  ) throws -> PKCS11Signer {
    let key = try key ?? publicKey(name)
    let uri = uri(name, pin: pin ?? .file(SoftHSM.folder + "/pin"))
    return PKCS11Signer(
      uri: uri, scheme: scheme, certificateName: "ocsp.pem", options: options,
      digest: { OpenSSLHasher().digest($0, $1) },
      verify: { SignatureVerifier.isValid($0, over: $1, algorithm: scheme.algorithmIdentifier, by: key) })
  }
}

/// A copy of the fault module with faults of its own.
final class FaultModule: Sendable {
  let path: String
  private static let made = Mutex(0)
  private let writes = Mutex(0)

  init() {
    let number = FaultModule.made.withLock { number in
      number += 1
      return number
    }
    path = "\(SoftHSM.folder)/fault-\(number).so"
    // A copy and no link: the loader knows a library by its inode.
    SoftHSM.copy(SoftHSM.faultLibrary, to: path)
    // Behind all copies is one SoftHSM: a C_Finalize of one would end the sessions of all.
    TokenModule.at(path).health.patienceMilliseconds.store(.max / 2, ordering: .relaxed)
  }

  /// Obeyed from the next call on, instead of what was said before.
  func obey(_ commands: String...) {
    writes.withLock { count in
      count += 1
      // Never of a size it had before: that is how the module sees the change, within one tick of the file's clock.
      let remark = "#" + String(repeating: "x", count: count * 100)
      SoftHSM.write((commands + [remark]).joined(separator: "\n") + "\n", to: path + ".control")
    }
  }

  func calls(_ name: String) -> Int {
    typealias Function = @convention(c) (UnsafePointer<CChar>) -> UInt
    let function = unsafe unsafeBitCast(symbol("avouch_fault_calls"), to: Function.self)
    return Int(unsafe function(name))
  }

  /// Whether so many calls hang, before half a minute is over.
  func waitHanging(_ count: Int) -> Bool {
    typealias Function = @convention(c) (Int32, Int32) -> Int32
    let function = unsafe unsafeBitCast(symbol("avouch_fault_wait_hanging"), to: Function.self)
    return function(Int32(count), 30_000) == 1
  }

  private func symbol(_ name: String) -> UnsafeMutableRawPointer {
    // Loaded already: this only finds it.
    guard let library = unsafe dlopen(path, RTLD_NOW), let found = unsafe dlsym(library, name) else {
      fatalError("\(path) has no \(name)")
    }
    return unsafe found
  }
}

extension SignatureScheme {
  static let p256 = try! SignatureScheme(key: .p256, digest: nil, padding: .pkcs1)
  static let rsa = try! SignatureScheme(key: .rsa(bits: 2048), digest: nil, padding: .pkcs1)
}

/// A DER SEQUENCE like tbsResponseData, a different one for every number.
func message(_ number: Int = 0) -> [UInt8] {
  [0x30, 0x0A, 0x04, 0x08] + (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}

func signingError(_ body: () throws -> Void) -> SigningError? {
  do {
    try body()
    return nil
  } catch {
    return error as? SigningError ?? SigningError("\(error)")
  }
}

extension Cryptoki {
  /// As another part of the program might do.
  func closeAllSessions(of token: TestToken) throws {
    let slot = try Token(token.uri()).locate(self).slot
    #expect(unsafe functions.pointee.C_CloseAllSessions?(slot) == 0)
  }
}
