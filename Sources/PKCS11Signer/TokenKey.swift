import CP11Kit
public import Responder

/// A private key in a token, as its attributes describe it (PKCS#11 2.40 4.9). The key itself stays where it is.
public struct TokenKey: Sendable, Hashable, CustomStringConvertible {
  /// CKA_LABEL.
  public var label: String
  /// CKA_ID.
  public var id: [UInt8]
  /// Nil where the token does not tell the curve or the modulus, and for kinds that cannot sign answers.
  public var kind: KeyKind?
  /// `P-256`, `RSA 2048`, `EC with an unknown curve`: for messages.
  public var kindText: String
  /// The flags are nil where the token does not tell.
  /// CKA_SIGN.
  public var canSign: Bool?
  /// CKA_SENSITIVE: never shown in plain.
  public var isSensitive: Bool?
  /// CKA_EXTRACTABLE: may leave the token wrapped.
  public var isExtractable: Bool?
  /// CKA_NEVER_EXTRACTABLE: it never could.
  public var isNeverExtractable: Bool?
  /// CKA_ALWAYS_AUTHENTICATE: wants the PIN before every signature.
  public var wantsPINAlways: Bool?

  let family: KeyFamily

  /// Reads the attributes one by one: a token that lacks one answers the others.
  init(_ cryptoki: Cryptoki, _ session: CK_SESSION_HANDLE, _ object: CK_OBJECT_HANDLE) throws(TokenError) {
    func octets(_ type: CK_ATTRIBUTE_TYPE) throws(TokenError) -> [UInt8]? {
      try cryptoki.attribute(session, object, type)
    }
    func flag(_ type: CK_ATTRIBUTE_TYPE) throws(TokenError) -> Bool? {
      guard let value = try octets(type), let first = value.first else { return nil }
      return first != 0
    }
    label = String(decoding: try octets(CKA_LABEL) ?? [], as: UTF8.self)
    id = try octets(CKA_ID) ?? []
    canSign = try flag(CKA_SIGN)
    isSensitive = try flag(CKA_SENSITIVE)
    isExtractable = try flag(CKA_EXTRACTABLE)
    isNeverExtractable = try flag(CKA_NEVER_EXTRACTABLE)
    wantsPINAlways = try flag(CKA_ALWAYS_AUTHENTICATE)
    family = KeyFamily(attribute: try octets(CKA_KEY_TYPE))
    switch family {
    case .rsa:
      let modulus = try octets(CKA_MODULUS)?.drop { $0 == 0 } ?? []
      kind = modulus.first.map { .rsa(bits: modulus.count * 8 - $0.leadingZeroBitCount) }
      kindText = kind?.description ?? "RSA of unknown size"
    case .ec:
      kind = EllipticCurve(parameters: try octets(CKA_EC_PARAMS))?.kind
      kindText = kind?.description ?? "EC with an unknown curve"
    case .edwards:
      kind = EllipticCurve(parameters: try octets(CKA_EC_PARAMS))?.kind
      kindText = kind?.description ?? "Edwards with an unknown curve"
    case .other(let number):
      kind = nil
      kindText = "key type 0x\(String(number, radix: 16))"
    }
  }

  /// How a URI names it: `object=responder;id=%01`.
  public var uriAttributes: String {
    PKCS11URIText.path(
      of: PKCS11URI(modulePath: "", object: label.isEmpty ? nil : label, id: id.isEmpty ? nil : id))
  }

  /// `'responder' (id 01, P-256)`.
  public var description: String {
    "'\(label)' (id \(id.isEmpty ? "none" : Hexadecimal.text(id)), \(kindText))"
  }
}

/// CK_KEY_TYPE, as far as it can sign answers.
enum KeyFamily: Sendable, Hashable {
  case rsa
  case ec
  case edwards
  case other(UInt)

  init(attribute: [UInt8]?) {
    var number: UInt = .max
    if let attribute, attribute.count == MemoryLayout<UInt>.size {
      number = unsafe attribute.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt.self) }
    }
    switch number {
    case CKK_RSA: self = .rsa
    case CKK_EC: self = .ec
    case CKK_EC_EDWARDS: self = .edwards
    default: self = .other(number)
    }
  }

  init(_ kind: KeyKind) {
    switch kind {
    case .rsa: self = .rsa
    case .ed25519: self = .edwards
    case .p256, .p384, .p521: self = .ec
    }
  }
}

/// CKA_EC_PARAMS of the curves that sign answers (PKCS#11 2.40 2.3.3, 3.0 2.3.5).
enum EllipticCurve: CaseIterable {
  case p256, p384, p521, ed25519

  var kind: KeyKind {
    switch self {
    case .p256: .p256
    case .p384: .p384
    case .p521: .p521
    case .ed25519: .ed25519
    }
  }

  init?(_ kind: KeyKind) {
    guard let found = EllipticCurve.allCases.first(where: { $0.kind == kind }) else { return nil }
    self = found
  }

  /// The DER of the named curve's OBJECT IDENTIFIER.
  var identifier: [UInt8] {
    switch self {
    case .p256: [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    case .p384: [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]
    case .p521: [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23]
    case .ed25519: [0x06, 0x03, 0x2B, 0x65, 0x70]
    }
  }

  /// Ed25519 also goes by a PrintableString, `edwards25519`: the first drafts of PKCS#11 3.0 and SoftHSM have it so.
  static let edwardsName: [UInt8] = [0x13, 0x0C] + Array("edwards25519".utf8)

  init?(parameters: [UInt8]?) {
    guard let parameters else { return nil }
    if parameters == EllipticCurve.edwardsName {
      self = .ed25519
      return
    }
    guard let found = EllipticCurve.allCases.first(where: { $0.identifier == parameters }) else { return nil }
    self = found
  }
}
