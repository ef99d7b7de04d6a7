import COpenSSL
import OCSP
public import Responder

/// Signs with a private key in memory, through OpenSSL's EVP interface.
public final class SoftwareSigner: Signer {
  public let scheme: SignatureScheme
  public let signatureAlgorithm: [UInt8]
  public let place: SigningPlace
  private let key: PrivateKey

  /// - Parameter threads: how many threads sign with keys in memory, for all of them together.
  public init(key: PrivateKey, scheme: SignatureScheme, threads: Int = 1) {
    self.key = key
    self.scheme = scheme
    place = SigningPlace(name: "software", threads: threads)
    signatureAlgorithm = scheme.algorithmIdentifier
  }

  public func openSession() throws(SigningError) -> any SigningSession {
    try SoftwareSigningSession(key: key, scheme: scheme)
  }
}

/// One thread's contexts, made once and used for every signature: setting them up costs more than hashing.
@safe
private final class SoftwareSigningSession: SigningSession {
  /// In this thread's own library context.
  private let key: OpaquePointer
  private let digestContext: OpaquePointer
  private let library: OpaquePointer?
  /// Both nil for Ed25519, which takes the message whole.
  private let keyContext: OpaquePointer?
  private let digest: OpaquePointer?
  /// Room for the largest digest.
  private let hash: UnsafeMutablePointer<UInt8>
  /// As long as the largest signature: to be copied, which takes less than to make another.
  private let blank: [UInt8]

  init(key: PrivateKey, scheme: SignatureScheme) throws(SigningError) {
    let library = unsafe avouch_thread_library()
    guard let own = unsafe avouch_key_in(library, key.handle) else {
      throw SoftwareSigningSession.failure("the key cannot be copied")
    }
    guard let digestContext = unsafe EVP_MD_CTX_new() else {
      unsafe EVP_PKEY_free(own)
      throw SigningError("out of memory")
    }
    unsafe self.key = unsafe own
    blank = unsafe [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(own)))
    unsafe hash = .allocate(capacity: Int(EVP_MAX_MD_SIZE))
    unsafe self.digestContext = unsafe digestContext
    unsafe self.library = unsafe library
    guard let name = scheme.digest?.name else {
      unsafe keyContext = nil
      unsafe digest = nil
      return
    }
    unsafe digest = unsafe EVP_MD_fetch(library, name, nil)
    unsafe keyContext = unsafe EVP_PKEY_CTX_new_from_pkey(library, own, nil)
    guard unsafe digest != nil, unsafe EVP_PKEY_sign_init(keyContext) == 1,
      unsafe EVP_PKEY_CTX_set_signature_md(keyContext, digest) == 1
    else { throw SoftwareSigningSession.failure("the key cannot be used for signing") }
    guard case .rsa = scheme.key else { return }
    let padding = scheme.padding == .pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING
    guard unsafe EVP_PKEY_CTX_set_rsa_padding(keyContext, padding) == 1 else {
      throw SoftwareSigningSession.failure("the key refuses its padding")
    }
    // As long as the digest: what the fixed AlgorithmIdentifier says.
    if scheme.padding == .pss, unsafe EVP_PKEY_CTX_set_rsa_pss_saltlen(keyContext, RSA_PSS_SALTLEN_DIGEST) != 1 {
      throw SoftwareSigningSession.failure("the key refuses its salt length")
    }
  }

  deinit {
    unsafe EVP_MD_CTX_free(digestContext)
    unsafe EVP_PKEY_CTX_free(keyContext)
    unsafe EVP_MD_free(digest)
    unsafe EVP_PKEY_free(key)
    unsafe hash.deallocate()
  }

  func sign(_ tbsResponseData: [UInt8]) throws(SigningError) -> [UInt8] {
    var signature = blank
    var count = signature.count
    let isSigned =
      unsafe keyContext == nil
      ? signWhole(tbsResponseData, &signature, &count) : signHash(tbsResponseData, &signature, &count)
    guard isSigned else { throw SoftwareSigningSession.failure("signing failed") }
    signature.removeLast(signature.count - count)
    return signature
  }

  private func signHash(_ message: [UInt8], _ signature: inout [UInt8], _ count: inout Int) -> Bool {
    var hashCount: UInt32 = 0
    return unsafe EVP_DigestInit_ex(digestContext, digest, nil) == 1
      && EVP_DigestUpdate(digestContext, message, message.count) == 1
      && EVP_DigestFinal_ex(digestContext, hash, &hashCount) == 1
      && EVP_PKEY_sign(keyContext, &signature, &count, hash, Int(hashCount)) == 1
  }

  private func signWhole(_ message: [UInt8], _ signature: inout [UInt8], _ count: inout Int) -> Bool {
    unsafe EVP_MD_CTX_reset(digestContext)
    return unsafe EVP_DigestSignInit_ex(digestContext, nil, nil, library, nil, key, nil) == 1
      && EVP_DigestSign(digestContext, &signature, &count, message, message.count) == 1
  }

  private static func failure(_ what: String) -> SigningError {
    SigningError(CryptoError.openSSL(what).description)
  }
}
