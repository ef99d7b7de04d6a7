import COpenSSL

/// A request for a certificate (PKCS#10, RFC 2986), signed by whoever has the private key.
public struct CertificateRequest {
  /// Attribute and value, outermost first: `[("O", "Example"), ("CN", "Example OCSP")]`.
  public var subject: [(attribute: String, value: String)]
  /// Name and value as OpenSSL's configuration files write them (x509v3_config(5)).
  public var extensions: [(name: String, value: String)]

  public init(subject: [(attribute: String, value: String)], extensions: [(name: String, value: String)]) {
    self.subject = subject
    self.extensions = extensions
  }

  /// What a delegated OCSP responder's certificate must have (CA/Browser Forum TLS BR 7.1.2.8, RFC 6960 4.2.2.2).
  public static let responderExtensions: [(name: String, value: String)] = [
    ("keyUsage", "critical,digitalSignature"), ("extendedKeyUsage", "OCSPSigning"), ("noCheck", "ignored"),
    ("subjectKeyIdentifier", "hash"),
  ]

  /// The request as PEM.
  ///
  /// - Parameters:
  ///   - algorithm: the DER AlgorithmIdentifier of the signature.
  ///   - sign: the signature over the DER that it is given.
  /// - Throws: what `sign` throws; `CryptoError` where the request cannot be made or its signature does not verify.
  public func pem(
    publicKey: PublicKey, algorithm: [UInt8], sign: ([UInt8]) throws -> [UInt8]
  ) throws -> [UInt8] {
    guard let request = unsafe X509_REQ_new() else { throw CryptoError("out of memory") }
    defer { unsafe X509_REQ_free(request) }
    guard unsafe X509_REQ_set_version(request, 0) == 1, unsafe X509_REQ_set_pubkey(request, publicKey.handle) == 1
    else { throw CryptoError.openSSL("a request could not be filled in") }
    try unsafe setSubject(request)
    try unsafe setExtensions(request)
    try unsafe setAlgorithm(request, algorithm)
    let signature = try sign(unsafe encoded { unsafe i2d_re_X509_REQ_tbs(request, $0) })
    guard unsafe avouch_set_request_signature(request, signature, Int32(clamping: signature.count)) == 1,
      unsafe X509_REQ_verify(request, publicKey.handle) == 1
    else { throw CryptoError.openSSL("the request's signature does not verify") }
    return unsafe MemoryBIO.writing { bio in unsafe PEM_write_bio_X509_REQ(bio, request) }
  }

  private func setSubject(_ request: OpaquePointer) throws(CryptoError) {
    let name = unsafe X509_REQ_get_subject_name(request)
    for (attribute, value) in subject {
      let octets = Array(value.utf8)
      guard
        unsafe X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8, octets, Int32(octets.count), -1, 0) == 1
      else { throw .openSSL("the name \(attribute)=\(value) could not be set") }
    }
  }

  private func setExtensions(_ request: OpaquePointer) throws(CryptoError) {
    // C strings that live until the call is over.
    let names = unsafe extensions.map { unsafe UnsafePointer(strdup($0.name)) }
    let values = unsafe extensions.map { unsafe UnsafePointer(strdup($0.value)) }
    defer {
      for place in extensions.indices {
        unsafe free(UnsafeMutablePointer(mutating: names[place]))
        unsafe free(UnsafeMutablePointer(mutating: values[place]))
      }
    }
    guard unsafe avouch_set_request_extensions(request, names, values, Int32(extensions.count)) == 1 else {
      throw .openSSL("the request's extensions could not be made")
    }
  }

  private func setAlgorithm(_ request: OpaquePointer, _ der: [UInt8]) throws(CryptoError) {
    let algorithm = unsafe der.withUnsafeBufferPointer { octets -> UnsafeMutableRawPointer? in
      var cursor = octets.baseAddress
      return unsafe avouch_d2i_algorithm(&cursor, octets.count)
    }
    defer { unsafe avouch_free_algorithm(algorithm) }
    guard unsafe algorithm != nil, unsafe avouch_set_request_algorithm(request, algorithm) == 1 else {
      throw .openSSL("the request's signature algorithm could not be set")
    }
  }
}
