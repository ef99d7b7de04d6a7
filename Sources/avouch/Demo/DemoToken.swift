import Glibc
import OpenSSLCrypto
import PKCS11Signer
import Responder

/// The token of `avouch demo --hsm softhsm`: a SoftHSM 2 whose configuration, store and PINs lie in the demo's folder.
///
/// What is made comes in an order in which a start that was cut off can be brought to its end by the next one: the
/// PINs, the token, the user's PIN in it, the key pair. Nothing relies on the key before the responder's certificate is
/// there.
struct DemoToken {
  static let label = "avouch-demo"
  private static let keyLabel = "responder"
  private static let folderName = "softhsm"
  private static let pinName = "pin"

  let modulePath: String
  /// Absolute, since it stands in configurations that may be read from anywhere.
  let folder: String

  /// - Parameter demoFolder: what is there already, as a folder.
  init(modulePath: String, demoFolder: String) throws(CommandFailure) {
    self.modulePath = modulePath
    folder = try Files.absolute(demoFolder) + "/" + DemoToken.folderName
    // SoftHSM's reader of configurations ends a line here, and says nothing of it.
    guard !folder.contains(where: { "#=\n\r".contains($0) }), folder.utf8.count <= 900 else {
      throw .no(
        "\(folder): SoftHSM cannot keep a token under this path; expected one of at most 900 octets without '#', '=' "
          + "and line breaks. Name another folder with --dir")
    }
  }

  var configurationPath: String { folder + "/softhsm2.conf" }
  var pinPath: String { folder + "/" + DemoToken.pinName }
  private var storePath: String { folder + "/tokens" }

  /// The responder's key.
  var uri: PKCS11URI {
    PKCS11URI(
      modulePath: modulePath, token: DemoToken.label, object: DemoToken.keyLabel, pinSource: .file(pinPath))
  }

  /// Whether a demo wrote this URI, in this folder or in another one from which this was moved.
  static func wrote(_ text: String) -> Bool {
    guard let uri = try? PKCS11URI(text), case .file(let pin)? = uri.pinSource,
      pin.hasSuffix("/\(folderName)/\(pinName)"), SoftHSMModule.paths.contains(uri.modulePath)
    else { return false }
    let own = PKCS11URI(modulePath: uri.modulePath, token: label, object: keyLabel, pinSource: .file(pin))
    return own.text == text
  }

  /// The public half of the key that is there.
  ///
  /// - Throws: where the token or the key is gone; nothing is made in its place.
  func publicKey() throws -> PublicKey {
    for path in [storePath, pinPath] where !Files.exists(path) { throw DemoFolder.gone(path) }
    try configure()
    do {
      return try readPublicKey()
    } catch {
      throw CommandFailure.no("\(error); remove the demo's folder to have all of it made anew, or name another")
    }
  }

  /// Makes what is not there of PINs, token and key pair.
  ///
  /// - Returns: the public half of a key that has signed once on trial.
  func make() throws -> PublicKey {
    try Files.makeFolder(folder, isSecret: true)
    let officerPIN = try pin("so-pin")
    let userPIN = try pin(DemoToken.pinName)
    try Files.makeFolder(storePath, isSecret: true)
    try configure()
    let tokens = try TokenTools.slots(modulePath: modulePath).compactMap(\.token)
    do {
      if !tokens.contains(where: { $0.label == DemoToken.label && $0.hasUserPIN }) {
        _ = try TokenTools.initializeToken(
          modulePath: modulePath, label: DemoToken.label, securityOfficerPIN: officerPIN, pin: userPIN)
      }
      if try TokenTools.keys(uri).isEmpty { _ = try TokenTools.generateKeyPair(uri, .p256) }
      let key = try readPublicKey()
      let scheme = try SignatureScheme(key: .p256, digest: nil, padding: .pkcs1)
      _ = try PKCS11Signer(uri: uri, scheme: scheme, publicKey: key).openSession()
      return key
    } catch {
      // Half of a key pair, say, that an earlier start was making when it was ended.
      throw CommandFailure.no("\(error); this demo is not complete: remove \(folder) and start it again")
    }
  }

  private func readPublicKey() throws -> PublicKey {
    try PublicKey(subjectPublicKeyInfo: try TokenTools.publicKey(uri), name: "the responder's key")
  }

  /// Points SoftHSM at the folder, for this process alone. The module reads it once, when it is first used.
  ///
  /// The file is written at every start: its path is absolute, and the folder may have been moved.
  private func configure() throws(CommandFailure) {
    let text = """
      # Written by `avouch demo` at every start.
      directories.tokendir = \(storePath)
      objectstore.backend = file
      log.level = ERROR

      """
    try Files.write(Array(text.utf8), to: configurationPath)
    unsafe setenv("SOFTHSM2_CONF", configurationPath, 1)
  }

  /// The PIN in the file of that name: the one that is there, or a new one of 128 random bits.
  private func pin(_ name: String) throws -> String {
    let path = folder + "/" + name
    if !Files.exists(path) {
      let digits = try SecureRandom.octets(16).flatMap { [$0 >> 4, $0 & 0xF] }.map { String($0, radix: 16) }
      try Files.write(Array((digits.joined() + "\n").utf8), to: path, isSecret: true, replaces: false)
    }
    let octets = try Files.read(path, what: "a PIN of the demo's token")
    return String(decoding: octets.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
  }
}
