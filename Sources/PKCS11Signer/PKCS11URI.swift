import CP11Kit

/// Which key in which token of which module, and where its PIN is: a PKCS#11 URI (RFC 7512).
///
/// `pkcs11:token=ocsp;object=responder?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/avouch/pin`
///
/// What a URI leaves out matches anything. A PIN itself is refused: the place for it is a file or the environment.
public struct PKCS11URI: Sendable, Hashable, CustomStringConvertible {
  /// The module's file, absolute (`module-path`).
  public var modulePath: String
  /// CK_TOKEN_INFO label (`token`), without its padding.
  public var token: String?
  /// CK_TOKEN_INFO serialNumber (`serial`).
  public var serial: String?
  /// CK_TOKEN_INFO manufacturerID (`manufacturer`).
  public var manufacturer: String?
  /// CK_TOKEN_INFO model (`model`).
  public var model: String?
  /// CK_SLOT_ID (`slot-id`). Many modules number slots anew at every start: a label or a serial is the better name.
  public var slotID: UInt?
  /// CKA_LABEL of the key (`object`).
  public var object: String?
  /// CKA_ID of the key (`id`).
  public var id: [UInt8]?
  /// Where the PIN is (`pin-source`).
  public var pinSource: PINSource?

  public init(
    modulePath: String, token: String? = nil, serial: String? = nil, manufacturer: String? = nil, model: String? = nil,
    slotID: UInt? = nil, object: String? = nil, id: [UInt8]? = nil, pinSource: PINSource? = nil
  ) {
    self.modulePath = modulePath
    self.token = token
    self.serial = serial
    self.manufacturer = manufacturer
    self.model = model
    self.slotID = slotID
    self.object = object
    self.id = id
    self.pinSource = pinSource
  }

  /// Whether a text is meant to be such a URI, rather than a file's name.
  public static func isMeant(by text: String) -> Bool { PKCS11URIGrammar.normalized(text).hasPrefix("pkcs11:") }

  /// Blanks around it mean nothing, nor do capitals in the scheme (RFC 3986 3.1).
  ///
  /// - Throws: what is wrong with which attribute, and what was expected. Never quotes a PIN.
  public init(_ given: String) throws(PKCS11URIError) {
    let text = PKCS11URIGrammar.normalized(given)
    try PKCS11URIGrammar.check(text)
    guard let uri = unsafe p11_kit_uri_new() else { throw PKCS11URIError("out of memory") }
    defer { unsafe p11_kit_uri_free(uri) }
    let code = unsafe p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri)
    guard code == P11_KIT_URI_OK.rawValue, unsafe p11_kit_uri_any_unrecognized(uri) == 0 else {
      throw PKCS11URIGrammar.culprit(text, code)
    }
    guard let path = unsafe p11_kit_uri_get_module_path(uri) else {
      throw PKCS11URIError("module-path is missing; expected '?module-path=/path/of/the/module.so' at the end")
    }
    modulePath = unsafe String(cString: path)
    guard modulePath.hasPrefix("/") else {
      throw PKCS11URIError("module-path: expected an absolute path of a PKCS#11 module, found '\(modulePath)'")
    }
    if let info = unsafe p11_kit_uri_get_token_info(uri) {
      token = unsafe PaddedText.given(info.pointee.label)
      serial = unsafe PaddedText.given(info.pointee.serialNumber)
      manufacturer = unsafe PaddedText.given(info.pointee.manufacturerID)
      model = unsafe PaddedText.given(info.pointee.model)
    }
    let slot = unsafe p11_kit_uri_get_slot_id(uri)
    slotID = slot == avouch_unavailable_information() ? nil : slot
    object = unsafe PKCS11URI.attribute(uri, CKA_LABEL).map { String(decoding: $0, as: UTF8.self) }
    id = unsafe PKCS11URI.attribute(uri, CKA_ID)
    if unsafe p11_kit_uri_get_attribute(uri, CKA_CLASS) != nil {
      let privateKey = unsafe withUnsafeBytes(of: CKO_PRIVATE_KEY) { unsafe Array($0) }
      guard unsafe PKCS11URI.attribute(uri, CKA_CLASS) == privateKey else {
        throw PKCS11URIError("type: expected 'private', since only a private key signs; or leave it out")
      }
    }
    pinSource = try unsafe p11_kit_uri_get_pin_source(uri).map { source throws(PKCS11URIError) in
      try PINSource(unsafe String(cString: source))
    }
  }

  /// The URI as RFC 7512 writes it, which `init(_:)` reads back.
  public var text: String { PKCS11URIText.text(of: self) }

  /// `key 'responder' (id 01) in token 'ocsp' of /usr/lib/softhsm/libsofthsm2.so`: for messages.
  public var description: String { "\(keyText) in \(tokenText)" }

  /// `key 'responder' (id 01)`; `the private key` where the URI names none.
  var keyText: String {
    switch (object, id) {
    case (let object?, let id?): "key '\(object)' (id \(Hexadecimal.text(id)))"
    case (let object?, nil): "key '\(object)'"
    case (nil, let id?): "key with id \(Hexadecimal.text(id))"
    case (nil, nil): "the private key"
    }
  }

  /// `token 'ocsp' of /usr/lib/softhsm/libsofthsm2.so`.
  public var tokenText: String {
    var words: [String] = []
    if let token { words.append("'\(token)'") }
    if let serial { words.append("serial \(serial)") }
    if let manufacturer { words.append("manufacturer '\(manufacturer)'") }
    if let model { words.append("model '\(model)'") }
    if let slotID { words.append("slot \(slotID)") }
    return words.isEmpty ? "the token of \(modulePath)" : "token \(words.joined(separator: ", ")) of \(modulePath)"
  }

  private static func attribute(_ uri: OpaquePointer, _ type: CK_ATTRIBUTE_TYPE) -> [UInt8]? {
    guard let found = unsafe p11_kit_uri_get_attribute(uri, type) else { return nil }
    guard let value = unsafe found.pointee.pValue else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: value, count: Int(found.pointee.ulValueLen)))
  }
}

/// What is wrong with a PKCS#11 URI: the attribute, and what was expected. Never quotes a PIN.
public struct PKCS11URIError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String

  init(_ description: String) {
    self.description = "PKCS#11 URI: \(description)"
  }
}
