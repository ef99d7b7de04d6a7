import EventLoop
import OCSP
import OpenSSLCrypto
import PKCS11Signer
import Responder
import Synchronization

/// `avouch keys`.
enum KeysCommand {
  static let usage = """
    usage: avouch keys list URI
           avouch keys generate --kind KIND URI
           avouch keys csr --subject NAME [--digest HASH] [--pss] [--out FILE [--force]] URI
           avouch keys test [--seconds N] [--threads N] [--digest HASH] [--pss] URI

    Keys in a token (HSM), through its PKCS#11 module. URI says which module, token and key, and where the PIN is
    (RFC 7512):

      'pkcs11:token=NAME;object=KEY?module-path=/path/of/module.so&pin-source=file:/path/of/pin'

    pin-source is file:/path or env:NAME, a variable of the environment. A PIN itself is refused.

      list       the tokens of the module, and the private keys of the one that the URI names
      generate   a new key pair that never leaves the token; object= names it, id= is drawn where it is left out
                   --kind     P-256, P-384, P-521, RSA-2048, RSA-3072, RSA-4096 or Ed25519
      csr        a request for an OCSP responder's certificate, as PEM
                   --subject  as RFC 4514 writes it: 'CN=OCSP 1,O=Example'
                   --out      the file to write; without it the request goes to standard output
                   --force    writes over a file that is there
      test       signs with the key, verifies, and tells how many signatures a second it makes
                   --seconds  how long, 1 to 60; the default is 2
                   --threads  how many sessions at once, 1 to 64; the default is 1

      --digest   sha256, sha384 or sha512; the default is what the rules give the key
      --pss      PSS padding for an RSA key
      --timeout  seconds that the token may take in all, 1 to 3600; the default is 30

    Exit code: 0 fine; 1 the token, the key or the module says no; 2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let rest = Array(words.dropFirst())
    func arguments(_ values: Set<String> = [], flags: Set<String> = []) throws(CommandFailure) -> Arguments? {
      let values = values.union(["--timeout"])
      return try Arguments(rest, Arguments.Grammar(values: values, flags: flags, words: ["URI"], usage: usage))
    }
    do {
      switch words.first {
      case "list": return try arguments().map { try timed($0, list) } ?? .fine
      case "generate": return try arguments(["--kind"]).map { try timed($0, generate) } ?? .fine
      case "csr":
        let given = try arguments(["--subject", "--digest", "--out"], flags: ["--pss", "--force"])
        return try given.map { try timed($0, request) } ?? .fine
      case "test":
        let given = try arguments(["--seconds", "--threads", "--digest"], flags: ["--pss"])
        return try given.map { try timed($0, besides: KeyTest.seconds($0), KeyTest.run) } ?? .fine
      case "--help", "-h":
        Terminal.print(usage)
        return .fine
      default: throw CommandFailure.wrongUse("expected 'list', 'generate', 'csr' or 'test'\n\n\(usage)")
      }
    } catch let error as PKCS11URIError {
      throw CommandFailure.wrongUse("\(error)")
    }
  }

  /// - Parameter besides: seconds that are not the token's to answer for.
  private static func timed(
    _ arguments: Arguments, besides: Int = 0, _ body: @escaping @Sendable (Arguments) throws -> ExitCode
  ) throws -> ExitCode {
    let seconds = try arguments.integer("--timeout", in: 1...3600) ?? 30
    let token = try PKCS11URI(arguments.words[0]).tokenText
    return try TokenWork.run(token, seconds: seconds + besides, hint: "; --timeout gives it more time") {
      try body(arguments)
    }
  }

  // MARK: - list

  private static func list(_ arguments: Arguments) throws -> ExitCode {
    let uri = try PKCS11URI(arguments.words[0])
    let isNamed = uri.token != nil || uri.serial != nil || uri.slotID != nil
    for slot in try TokenTools.slots(modulePath: uri.modulePath) {
      guard let token = slot.token else {
        Terminal.print("slot \(slot.id): a token that does not answer")
        continue
      }
      guard token.isInitialized else {
        Terminal.print("slot \(slot.id): a token that is not initialised")
        continue
      }
      let sessions = token.maximumSessions.map { "\($0) sessions at most" } ?? "no limit of sessions"
      Terminal.print("slot \(slot.id): token \(token), manufacturer '\(token.manufacturer)', \(sessions)")
    }
    // A PIN is tried at the token it is meant for, and at no other.
    guard isNamed else { return .fine }
    let keys = try TokenTools.keys(uri)
    if keys.isEmpty {
      let hint = uri.pinSource == nil ? "; without pin-source= a token shows none that are private" : ""
      Terminal.print("no private key that the URI fits\(hint)\(try TokenTools.hint(uri))")
    }
    for key in keys { Terminal.print("key \(key): \(flags(key)); in a URI: \(key.uriAttributes)") }
    return .fine
  }

  private static func flags(_ key: TokenKey) -> String {
    var words: [String] = []
    words.append(key.canSign == true ? "signs" : "does not sign")
    if key.isNeverExtractable == true {
      words.append("never extractable")
    } else if key.isExtractable == true {
      words.append("EXTRACTABLE")
    } else if key.isExtractable == false {
      words.append("not extractable, but has been or came from outside")
    }
    if key.isSensitive == false { words.append("NOT SENSITIVE") }
    if key.wantsPINAlways == true { words.append("wants the PIN for every signature") }
    return words.joined(separator: ", ")
  }

  // MARK: - generate

  private static func generate(_ arguments: Arguments) throws -> ExitCode {
    let text = try arguments.required("--kind")
    guard let kind = kind(text) else {
      throw arguments.wrong(
        "--kind: '\(text)'; expected P-256, P-384, P-521, RSA-2048, RSA-3072, RSA-4096 or Ed25519")
    }
    let key = try TokenTools.generateKeyPair(try PKCS11URI(arguments.words[0]), kind)
    Terminal.print("made key \(key): \(flags(key)); in a URI: \(key.uriAttributes)")
    return .fine
  }

  private static func kind(_ text: String) -> KeyKind? {
    switch text.lowercased().filter({ $0 != "-" && $0 != " " }) {
    case "p256": .p256
    case "p384": .p384
    case "p521": .p521
    case "rsa2048": .rsa(bits: 2048)
    case "rsa3072": .rsa(bits: 3072)
    case "rsa4096": .rsa(bits: 4096)
    case "ed25519": .ed25519
    default: nil
    }
  }

  // MARK: - csr

  private static func request(_ arguments: Arguments) throws -> ExitCode {
    guard let subject = DistinguishedName.parse(try arguments.required("--subject")) else {
      throw arguments.wrong("--subject: expected a name such as 'CN=OCSP 1,O=Example', commas in values as \\,")
    }
    // Before a PIN is tried for nothing.
    if let path = arguments["--out"], !arguments.has("--force"), Files.exists(path) {
      throw CommandFailure.no("\(path): there is a file of this name already; --force writes over it")
    }
    let key = try KeyAtHand(arguments)
    let session = try key.signer().openSession()
    let request = CertificateRequest(subject: subject, extensions: CertificateRequest.responderExtensions)
    let pem = try request.pem(publicKey: key.publicKey, algorithm: key.scheme.algorithmIdentifier) {
      try session.sign($0)
    }
    if let path = arguments["--out"] {
      try Files.write(pem, to: path, replaces: arguments.has("--force"))
      Terminal.print("\(path): a request for key \(key.description), signed with \(key.scheme.text)")
    } else {
      Terminal.write(String(decoding: pem, as: UTF8.self), to: 1)
    }
    return .fine
  }
}

/// The key that a command's URI names, with the public half that the token shows of it.
struct KeyAtHand {
  let uri: PKCS11URI
  let publicKey: PublicKey
  let scheme: SignatureScheme
  let description: String

  init(_ arguments: Arguments) throws {
    uri = try PKCS11URI(arguments.words[0])
    publicKey = try PublicKey(subjectPublicKeyInfo: try TokenTools.publicKey(uri), name: "the key")
    let key = try TokenTools.keys(uri)[0]
    guard let kind = key.kind else { throw CommandFailure.no("key \(key): this kind of key cannot sign answers") }
    var digest: HashAlgorithm?
    if let name = arguments["--digest"] {
      digest = HashAlgorithm(name: name)
      guard digest != nil else {
        throw arguments.wrong("--digest: '\(name)'; expected sha256, sha384 or sha512")
      }
    }
    do {
      scheme = try SignatureScheme(key: kind, digest: digest, padding: arguments.has("--pss") ? .pss : .pkcs1)
    } catch {
      throw arguments.wrong("\(error)")
    }
    description = key.description
  }

  func signer() -> PKCS11Signer {
    PKCS11Signer(uri: uri, scheme: scheme, publicKey: publicKey)
  }
}

extension PKCS11Signer {
  /// For a key that has no certificate yet: its signatures are judged by the public key beside it in the token.
  convenience init(uri: PKCS11URI, scheme: SignatureScheme, publicKey: PublicKey) {
    let algorithm = scheme.algorithmIdentifier
    self.init(
      uri: uri, scheme: scheme, certificateName: "the public key beside it", options: Options(verifiedShare: 0),
      digest: { OpenSSLHasher().digest($0, $1) },
      verify: { SignatureVerifier.isValid($0, over: $1, algorithm: algorithm, by: publicKey) })
  }
}

/// `avouch keys test`: how fast a key signs.
enum KeyTest {
  static func seconds(_ arguments: Arguments) throws(CommandFailure) -> Int {
    try arguments.integer("--seconds", in: 1...60) ?? 2
  }

  static func run(_ arguments: Arguments) throws -> ExitCode {
    let seconds = try seconds(arguments)
    let threads = try arguments.integer("--threads", in: 1...64) ?? 1
    let key = try KeyAtHand(arguments)
    let signer = key.signer()
    // Opening makes a signature and verifies it; what is wrong is said before the clock runs.
    _ = try signer.openSession()
    let total = Total()
    let start = MonotonicTime.now()
    let end = start.advanced(byMilliseconds: Int64(seconds) * 1000)
    let workers = (0..<threads).map { place in
      NamedThread(name: "test-\(place)") { work(signer, place: place, until: end, total) }
    }
    for worker in workers { worker.join() }
    let elapsed = Double(MonotonicTime.now().nanoseconds - start.nanoseconds) / 1e9
    if let failure = total.failure { throw CommandFailure.no("\(failure)") }
    let rate = Int(Double(total.count) / elapsed)
    let noun = threads == 1 ? "thread" : "threads"
    Terminal.print("key \(key.description), \(key.scheme.text): signs and verifies")
    Terminal.print("\(rate) signatures a second with \(threads) \(noun)")
    return .fine
  }

  private final class Total: Sendable {
    private let state = Mutex<(count: Int, failure: SigningError?)>((0, nil))

    var count: Int { state.withLock { $0.count } }
    var failure: SigningError? { state.withLock { $0.failure } }

    func add(_ count: Int) { state.withLock { $0.count += count } }
    func fail(_ error: SigningError) { state.withLock { $0.failure = error } }
  }

  private static func work(_ signer: PKCS11Signer, place: Int, until end: MonotonicTime, _ total: Total) {
    do {
      let session = try signer.openSession()
      // As long as a tbsResponseData with one answer mostly is; a new message for every signature.
      var message = [0x30, 0x81, 0xA0] + [UInt8](repeating: UInt8(truncatingIfNeeded: place), count: 160)
      var count = 0
      while MonotonicTime.now() < end {
        for octet in 0..<8 { message[8 + octet] = UInt8(truncatingIfNeeded: count >> (octet * 8)) }
        _ = try session.sign(message)
        count += 1
      }
      total.add(count)
    } catch {
      total.fail(error)
    }
  }
}
