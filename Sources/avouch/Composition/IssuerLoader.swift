import CalendarTime
import Configuration
import OCSP
import OpenSSLCrypto
import Responder

/// Reads what the configuration names of an issuer: the files, the signer, which is checked and tried.
struct IssuerLoader {
  let configuration: LoadedConfiguration
  let now: UnixTime

  /// What an issuer's files hold.
  struct Material {
    var certificate: Certificate
    var signerCertificate: Certificate?
    var signer: SoftwareSigner
    var warnings: [String]
  }

  /// Reads and checks everything but the store.
  func material(_ issuer: Configuration.Issuer) throws -> Material {
    let certificatePath = configuration.resolved(issuer.certificate)
    let keyPath = configuration.resolved(issuer.key)
    let certificate = try Certificate(
      file: try Files.read(certificatePath, what: "the CA's certificate"), name: certificatePath)
    var signerCertificate: Certificate?
    if let path = issuer.signerCertificate.map({ configuration.resolved($0) }) {
      signerCertificate = try Certificate(
        file: try Files.read(path, what: "the responder's certificate"), name: path)
    }
    let key = try PrivateKey(
      file: try Files.read(keyPath, what: "a private key"), name: keyPath, passphrase: try passphrase(issuer))
    let names = SignerCheck.Names(
      issuer: certificatePath, certificate: issuer.signerCertificate.map { configuration.resolved($0) } ?? "",
      key: keyPath)
    var warnings = try SignerCheck.run(
      issuer: certificate, certificate: signerCertificate, key: key, now: now, names: names)
    warnings += try SignerProfile.run(
      issuer: certificate, certificate: signerCertificate, now: now, isPublicProgramme: issuer.isPublicProgramme,
      names: names)
    guard let kind = key.kind else {
      throw CryptoError("\(keyPath): this kind of key cannot sign answers; use P-256, P-384, P-521, RSA or Ed25519")
    }
    let scheme: SignatureScheme
    do {
      scheme = try SignatureScheme(
        key: kind, digest: issuer.digest.flatMap { HashAlgorithm(name: $0) }, padding: issuer.isPSS ? .pss : .pkcs1)
    } catch {
      throw CryptoError("issuer '\(issuer.name)': \(error)")
    }
    try ProgrammeRules.check(scheme, of: issuer)
    let signer = SoftwareSigner(key: key, scheme: scheme, threads: configuration.signingThreads)
    try trySigning(signer, signerCertificate ?? certificate, keyPath)
    return Material(
      certificate: certificate, signerCertificate: signerCertificate, signer: signer,
      warnings: warnings.map { "issuer '\(issuer.name)': \($0)" })
  }

  /// One signature, made and verified: what the certificate promises works in practice.
  private func trySigning(_ signer: SoftwareSigner, _ certificate: Certificate, _ keyPath: String) throws {
    let message: [UInt8] = [0x30, 0x00]
    let signature = try signer.openSession().sign(message)
    let isValid = SignatureVerifier.isValid(
      signature, over: message, algorithm: signer.signatureAlgorithm, by: certificate)
    guard isValid else { throw CryptoError("\(keyPath): a trial signature does not verify with its certificate") }
  }

  private func passphrase(_ issuer: Configuration.Issuer) throws(CommandFailure) -> String? {
    guard let path = issuer.keyPasswordFile.map({ configuration.resolved($0) }) else { return nil }
    let octets = try Files.read(path, what: "a file with the key's passphrase")
    return String(decoding: octets.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
  }

  /// The issuer as the directory wants it.
  func settings(_ settings: Configuration.Issuer, material: Material) -> IssuerSettings {
    let identity = IssuerIdentity(material.certificate)
    let signer = material.signerCertificate ?? material.certificate
    let keyHash = OpenSSLHasher().digest(signer.publicKeyBits, .sha1)
    // The chain ends with the CA's certificate, unless that is over already and the CA answers on.
    let end =
      material.certificate.notAfter > now ? min(signer.notAfter, material.certificate.notAfter) : signer.notAfter
    // A root that answers itself is found by nginx, Apache and GnuTLS only inside the answer; an intermediate CA's own
    // certificate there is taken by Go for a delegate's, which that CA would have had to sign.
    let embeds =
      settings.embedsCertificate
      ?? (material.signerCertificate != nil || material.certificate.isSigned(by: material.certificate))
    let credential = SigningCredential(
      responderID: settings.isByName ? .byName(signer.subjectName) : .byKey(keyHash),
      signatureAlgorithm: material.signer.signatureAlgorithm,
      certificates: embeds ? [signer.der] : [], notBefore: signer.notBefore, notAfter: end)
    return IssuerSettings(
      name: settings.name, identity: identity.storeIdentity, policy: IssuerPolicy(settings),
      identifiers: identity.identifiers, credential: credential, keys: [material.signer],
      notBefore: material.certificate.notBefore)
  }
}

extension IssuerPolicy {
  init(_ settings: Configuration.Issuer) {
    self.init()
    switch settings.unissued {
    case "unknown": unissued = .unknown
    case "revoked": unissued = .extendedRevoke
    case "good": unissued = .good
    default: unissued = .unauthorized
    }
    isForever = settings.validitySeconds == nil
    validitySeconds = Int64(settings.validitySeconds ?? 7 * 86_400)
    refreshAgeSeconds = Int64(settings.refreshAgeSeconds)
    maximumAgeSeconds = Int64(settings.maximumAgeSeconds)
    presignedAlgorithms = settings.presign.compactMap { HashAlgorithm(name: $0) }
    echoesNonce = settings.echoesNonce
    refusesSignedRequests = settings.refusesSignedRequests
    switch settings.archiveCutoff {
    case .none: archiveCutoff = .none
    case .issuerNotBefore: archiveCutoff = .issuerNotBefore
    case .retention(let seconds): archiveCutoff = .retention(seconds: Int64(seconds))
    }
    keepExpiredSeconds = settings.keepExpiredSeconds.map { Int64($0) }
  }
}
