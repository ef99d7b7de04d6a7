import OpenSSLCrypto
import PKCS11Signer
import Responder

/// Where the private key of a demo's responder is.
enum DemoResponderKey {
  /// In a file of the demo's folder.
  case file(DemoKeyFile)
  /// In a token, which it never leaves.
  case token(DemoToken)

  /// The public half of the key that is there, or of a new one.
  func make() throws -> PublicKey {
    switch self {
    case .file(let file): try file.make().publicKey
    case .token(let token): try token.make()
    }
  }

  /// The public half of the key that is there.
  ///
  /// - Throws: where it is gone; nothing is made in its place.
  func publicKey() throws -> PublicKey {
    switch self {
    case .file(let file): try file.read().publicKey
    case .token(let token): try token.publicKey()
    }
  }

  /// `signer.key` of the demo's configuration.
  var setting: String {
    switch self {
    case .file(let file): file.name
    case .token(let token): token.uri.text
    }
  }

  /// Whether this is a `signer.key` that a demo of this kind wrote.
  func wrote(_ setting: String) -> Bool {
    switch self {
    case .file(let file): setting == file.name
    case .token: DemoToken.wrote(setting)
    }
  }
}

/// A private key in a file of a demo's folder.
struct DemoKeyFile {
  let folder: String
  let name: String

  private var path: String { folder + "/" + name }

  /// The key that is there, where a start before this one was cut off after making it; or a new one.
  func make() throws -> PrivateKey {
    if Files.exists(path) { return try read() }
    let key = try PrivateKey.generate(.p256)
    try Files.write(key.pem, to: path, isSecret: true, replaces: false)
    return key
  }

  /// The key that is there.
  func read() throws -> PrivateKey {
    guard Files.exists(path) else { throw DemoFolder.gone(path) }
    return try PrivateKey(file: try Files.read(path, what: "a demo key"), name: path, passphrase: nil)
  }
}
