import CP11Kit

/// What a token says of itself (CK_TOKEN_INFO, PKCS#11 2.40 3.2).
public struct TokenInfo: Sendable, Hashable, CustomStringConvertible {
  public var label: String
  public var serial: String
  public var manufacturer: String
  public var model: String
  /// How many sessions one program may have open at a time; nil where the token names no limit.
  public var maximumSessions: Int?
  /// The same for read-write sessions.
  public var maximumReadWriteSessions: Int?
  private var flags: CK_FLAGS

  init(_ info: CK_TOKEN_INFO) {
    label = PaddedText.text(of: info.label)
    serial = PaddedText.text(of: info.serialNumber)
    manufacturer = PaddedText.text(of: info.manufacturerID)
    model = PaddedText.text(of: info.model)
    flags = info.flags
    maximumSessions = TokenInfo.limit(info.ulMaxSessionCount)
    maximumReadWriteSessions = TokenInfo.limit(info.ulMaxRwSessionCount)
  }

  private static func limit(_ count: CK_ULONG) -> Int? {
    count == CK_EFFECTIVELY_INFINITE || count == avouch_unavailable_information() ? nil : Int(clamping: count)
  }

  public var isInitialized: Bool { has(CKF_TOKEN_INITIALIZED) }
  /// Whether the user's PIN has been set; without one nobody but the security officer can log in.
  public var hasUserPIN: Bool { has(CKF_USER_PIN_INITIALIZED) }
  /// Whether keys are shown only behind a login.
  public var requiresLogin: Bool { has(CKF_LOGIN_REQUIRED) }
  /// The token takes its PIN from a keypad of its own, or has no need of one.
  public var hasProtectedAuthenticationPath: Bool { has(CKF_PROTECTED_AUTHENTICATION_PATH) }
  /// One more wrong PIN locks the token.
  public var isPINFinalTry: Bool { has(CKF_USER_PIN_FINAL_TRY) }
  public var isPINLocked: Bool { has(CKF_USER_PIN_LOCKED) }

  private func has(_ flag: CK_FLAGS) -> Bool { flags & flag != 0 }

  /// `'ocsp' (serial 52ca29f8cdad76d3, SoftHSM v2)`.
  public var description: String { "'\(label)' (serial \(serial), \(model))" }

  /// What makes it this token and no other, wherever it is plugged in.
  struct Identity: Hashable, Sendable {
    var label: String
    var serial: String
    var manufacturer: String
    var model: String
  }

  var identity: Identity { Identity(label: label, serial: serial, manufacturer: manufacturer, model: model) }

  func matches(_ uri: PKCS11URI) -> Bool {
    func fits(_ wanted: String?, _ found: String) -> Bool { wanted == nil || wanted == found }
    return fits(uri.token, label) && fits(uri.serial, serial) && fits(uri.manufacturer, manufacturer)
      && fits(uri.model, model)
  }
}
