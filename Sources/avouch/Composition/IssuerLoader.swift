import CalendarTime
import Configuration
import OCSP
import OpenSSLCrypto
import PKCS11Signer
import Responder

/// Reads what the configuration names of an issuer: the files, the keys, which are checked, and those at hand tried.
struct IssuerLoader {
  let configuration: LoadedConfiguration
  let now: UnixTime
  /// What becomes of certificates that are not valid now.
  let untimely: SignerCheck.Untimely

  /// What an issuer's files hold, and the keys that sign for it.
  struct Material {
    var certificate: Certificate
    var signerCertificate: Certificate?
    var scheme: SignatureScheme
    var keys: [any Signer]
    var warnings: [String]
  }

  /// The CA's certificate.
  func certificate(_ issuer: Configuration.Issuer) throws -> Certificate {
    let path = configuration.resolved(issuer.certificate)
    return try Certificate(file: try Files.read(path, what: "the CA's certificate"), name: path)
  }

  /// Reads and checks everything but the store. Tokens are not opened: one that is broken must not keep the other issuers
  /// from being served.
  func material(_ issuer: Configuration.Issuer) throws -> Material {
    let certificatePath = configuration.resolved(issuer.certificate)
    let certificate = try certificate(issuer)
    var signerCertificate: Certificate?
    let signerPath = issuer.signerCertificate.map { configuration.resolved($0) }
    if let path = signerPath {
      signerCertificate = try Certificate(
        file: try Files.read(path, what: "the responder's certificate"), name: path)
    }
    let files = try issuer.keys.filter { !IssuerLoader.isInToken($0) }.map { path in
      let path = configuration.resolved(path)
      let file = try Files.read(path, what: "a private key")
      return (key: try PrivateKey(file: file, name: path, passphrase: try passphrase(issuer)), name: path)
    }
    let names = SignerCheck.Names(issuer: certificatePath, certificate: signerPath ?? "")
    var warnings = try SignerCheck.run(
      issuer: certificate, certificate: signerCertificate, keys: files, now: now, untimely: untimely, names: names)
    warnings += try SignerProfile.run(
      issuer: certificate, certificate: signerCertificate, now: now, isPublicProgramme: issuer.isPublicProgramme,
      untimely: untimely, names: names)
    let signer = signerCertificate ?? certificate
    let scheme = try scheme(issuer, of: signer, name: signerPath ?? certificatePath)
    try ProgrammeRules.check(scheme, of: issuer)
    let inMemory = try files.map { file in
      let software = SoftwareSigner(key: file.key, scheme: scheme, threads: configuration.signingThreads)
      try trySigning(software, signer, file.name)
      return software
    }
    let inTokens = try issuer.keys.filter { IssuerLoader.isInToken($0) }.map { text in
      try tokenSigner(text, issuer, scheme, signer, name: signerPath ?? certificatePath)
    }
    for (place, signer) in inTokens.enumerated() where inTokens[..<place].contains(where: { $0.uri == signer.uri }) {
      throw CryptoError(
        "\(configuration.path): issuer '\(issuer.name)', signer.key: \(signer.uri) is given twice")
    }
    let secrets =
      files.map(\.name) + [issuer.keyPasswordFile].compactMap { $0.map { configuration.resolved($0) } }
      + inTokens.compactMap { if case .file(let path)? = $0.uri.pinSource { path } else { nil } }
    warnings += secrets.compactMap { Files.exposure($0) }
    return Material(
      certificate: certificate, signerCertificate: signerCertificate, scheme: scheme, keys: inMemory + inTokens,
      warnings: warnings.map { "issuer '\(issuer.name)': \($0)" })
  }

  static func isInToken(_ key: String) -> Bool { PKCS11URI.isMeant(by: key) }

  private func scheme(
    _ issuer: Configuration.Issuer, of signer: Certificate, name: String
  ) throws(CryptoError) -> SignatureScheme {
    guard let kind = signer.keyKind else {
      throw CryptoError("\(name): this kind of key cannot sign answers; use P-256, P-384, P-521, RSA or Ed25519")
    }
    do {
      return try SignatureScheme(
        key: kind, digest: issuer.digest.flatMap { HashAlgorithm(name: $0) }, padding: issuer.isPSS ? .pss : .pkcs1)
    } catch {
      throw CryptoError("issuer '\(issuer.name)': \(error)")
    }
  }

  private func tokenSigner(
    _ text: String, _ issuer: Configuration.Issuer, _ scheme: SignatureScheme, _ signer: Certificate, name: String
  ) throws -> PKCS11Signer {
    let uri: PKCS11URI
    do {
      uri = try PKCS11URI(text)
    } catch {
      throw CryptoError("\(configuration.path): issuer '\(issuer.name)', signer.key: \(error)")
    }
    let tokens = configuration.value.tokens
    let options = PKCS11Signer.Options(
      verifiedShare: tokens.verifyOneIn == 0 ? 0 : 1 / Double(tokens.verifyOneIn), threads: tokens.sessions,
      callDeadlineMilliseconds: Int64(tokens.callDeadlineSeconds) * 1000, renewalsPerSecond: tokens.renewalsPerSecond)
    let algorithm = scheme.algorithmIdentifier
    return PKCS11Signer(
      uri: uri, scheme: scheme, certificateName: name, options: options,
      digest: { OpenSSLHasher().digest($0, $1) },
      verify: { SignatureVerifier.isValid($0, over: $1, algorithm: algorithm, by: signer) })
  }

  /// Opens every token that signs for the issuer and has it sign once, for `config check`.
  ///
  /// - Returns: warnings.
  func tryTokens(_ material: Material) throws -> [String] {
    var warnings: [String] = []
    let seconds = configuration.value.tokens.callDeadlineSeconds
    for case let signer as PKCS11Signer in material.keys {
      let most = try TokenWork.run(signer.place.name, seconds: seconds, hint: " (signing.callDeadline)") {
        _ = try signer.openSession()
        return try signer.maximumSessions()
      }
      if let most, most < signer.place.threads {
        warnings.append(
          "\(signer.place.name): it allows \(most) sessions, and signing.sessionsPerToken is \(signer.place.threads)")
      }
    }
    return warnings
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

  /// The issuer as an edge wants it: whose certificates are asked about, and nothing of keys. In whose name answers are
  /// signed comes with the answers.
  func edgeSettings(_ settings: Configuration.Issuer) throws -> IssuerSettings {
    let certificate = try certificate(settings)
    let identity = IssuerIdentity(certificate)
    let credential = SigningCredential(
      responderID: .byKey(OpenSSLHasher().digest(certificate.publicKeyBits, .sha1)), signatureAlgorithm: [],
      certificates: [], notBefore: UnixTime(seconds: 0), notAfter: .endOfTime)
    var policy = IssuerPolicy(settings)
    // Nothing can be signed for one request alone: a client gets the answer without its nonce, as from a CDN.
    policy.echoesNonce = false
    return IssuerSettings(
      name: settings.name, identity: identity.storeIdentity, policy: policy, identifiers: identity.identifiers,
      credential: credential, keys: [], notBefore: certificate.notBefore)
  }

  /// The issuer as the directory wants it.
  func settings(_ settings: Configuration.Issuer, material: Material) -> IssuerSettings {
    let identity = IssuerIdentity(material.certificate)
    let signer = material.signerCertificate ?? material.certificate
    let keyHash = OpenSSLHasher().digest(signer.publicKeyBits, .sha1)
    // The chain ends with the CA's certificate, unless that is over already and the CA answers on, as it may where no
    // public programme forbids it.
    let authority = material.certificate
    let (isOver, isToCome) = (authority.notAfter <= now, authority.notBefore > now)
    let end = isOver && !settings.isPublicProgramme ? signer.notAfter : min(signer.notAfter, authority.notAfter)
    let begin = isToCome && settings.isPublicProgramme ? max(signer.notBefore, authority.notBefore) : signer.notBefore
    // A root that answers itself is found by nginx, Apache and GnuTLS only inside the answer; an intermediate CA's own
    // certificate there is taken by Go for a delegate's, which that CA would have had to sign.
    let embeds =
      settings.embedsCertificate
      ?? (material.signerCertificate != nil || material.certificate.isSigned(by: material.certificate))
    let credential = SigningCredential(
      responderID: settings.isByName ? .byName(signer.subjectName) : .byKey(keyHash),
      signatureAlgorithm: material.scheme.algorithmIdentifier,
      certificates: embeds ? [signer.der] : [], notBefore: begin, notAfter: end)
    return IssuerSettings(
      name: settings.name, identity: identity.storeIdentity, policy: IssuerPolicy(settings),
      identifiers: identity.identifiers, credential: credential, keys: material.keys,
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
