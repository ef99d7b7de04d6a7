/// A CK_RV: what a PKCS#11 call answered (PKCS#11 2.40 5.1, 3.0 5.1, 3.2 for the newest).
public struct ReturnCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  public var rawValue: UInt

  public init(rawValue: UInt) {
    self.rawValue = rawValue
  }

  /// What may help against a failure. Ordered from the smallest to the largest.
  public enum Reaction: Sendable, Hashable, CaseIterable {
    /// The session or this one operation is spoilt: the same again in a new session.
    case newSession
    /// The token has forgotten who we are.
    case logIn
    /// The token, or the way to it, is gone or sick: look for it anew.
    case reopenSlot
    /// The module says that it was never initialised, or has lost its state: C_Initialize.
    case initialize
    /// Asking again will answer the same: somebody has to mend the configuration, the key or the token.
    case giveUp
  }

  /// What helps. Unknown and vendor codes: look for the token anew, since they say no more than that something is wrong.
  public var reaction: Reaction {
    ReturnCode.table[rawValue]?.reaction ?? .reopenSlot
  }

  /// `CKR_DEVICE_ERROR`; nil for codes that the standard does not name.
  public var name: String? {
    ReturnCode.table[rawValue]?.name
  }

  /// `CKR_DEVICE_ERROR`, `CKR_VENDOR_DEFINED + 0x12`, `0x999`.
  public var description: String {
    if let name { return name }
    // The top bit of 32 is the vendors' (PKCS#11 2.40 5.1).
    let vendorDefined: UInt = 0x8000_0000
    return rawValue >= vendorDefined
      ? "CKR_VENDOR_DEFINED + 0x\(String(rawValue - vendorDefined, radix: 16))" : "0x\(String(rawValue, radix: 16))"
  }

  /// Every code that has a name.
  static var named: [ReturnCode] { table.keys.sorted().map { ReturnCode(rawValue: $0) } }

  static let ok = ReturnCode(rawValue: 0)
  static let hostMemory = ReturnCode(rawValue: 0x02)
  static let attributeSensitive = ReturnCode(rawValue: 0x11)
  static let attributeTypeInvalid = ReturnCode(rawValue: 0x12)
  static let deviceRemoved = ReturnCode(rawValue: 0x32)
  static let mechanismInvalid = ReturnCode(rawValue: 0x70)
  static let operationActive = ReturnCode(rawValue: 0x90)
  static let sessionClosed = ReturnCode(rawValue: 0xB0)
  static let sessionCount = ReturnCode(rawValue: 0xB1)
  static let sessionHandleInvalid = ReturnCode(rawValue: 0xB3)
  static let tokenNotPresent = ReturnCode(rawValue: 0xE0)
  static let userAlreadyLoggedIn = ReturnCode(rawValue: 0x100)
  static let userPINNotInitialized = ReturnCode(rawValue: 0x102)
  static let userAnotherAlreadyLoggedIn = ReturnCode(rawValue: 0x104)
  static let bufferTooSmall = ReturnCode(rawValue: 0x150)
  static let cryptokiNotInitialized = ReturnCode(rawValue: 0x190)
  static let cryptokiAlreadyInitialized = ReturnCode(rawValue: 0x191)
}
