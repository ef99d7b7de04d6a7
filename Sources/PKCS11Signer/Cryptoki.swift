import CP11Kit
import Glibc

/// The calls of one module, with Swift's types and errors; the only place besides `SigningCall` that touches its
/// function list.
///
/// Any thread may call: modules are initialised with CKF_OS_LOCKING_OK. A session is one thread's at a time.
/// `@unchecked`: the list is the module's, never changed and never unloaded.
@safe
struct Cryptoki: @unchecked Sendable {
  let functions: UnsafeMutablePointer<CK_FUNCTION_LIST>

  init(_ functions: UnsafeMutablePointer<CK_FUNCTION_LIST>) {
    unsafe self.functions = unsafe functions
  }

  /// The function list, of which that function is called next.
  private func begin(_ call: StaticString) -> UnsafeMutablePointer<CK_FUNCTION_LIST> {
    LastCall.begin(call)
    return unsafe functions
  }

  /// Turns an answer into an error. Nil stands for a call that the module's list leaves out.
  private func check(_ call: StaticString, _ answer: CK_RV?) throws(TokenError) {
    let code = ReturnCode(rawValue: answer ?? CKR_FUNCTION_NOT_SUPPORTED)
    guard code == .ok else { throw TokenError(call: call, code) }
  }

  // MARK: - The library

  /// C_Initialize for threads of the operating system (PKCS#11 2.40 5.4).
  func initialize() -> ReturnCode {
    var arguments = unsafe CK_C_INITIALIZE_ARGS()
    unsafe arguments.flags = CKF_OS_LOCKING_OK
    return ReturnCode(
      rawValue: unsafe begin("C_Initialize").pointee.C_Initialize?(&arguments) ?? CKR_FUNCTION_NOT_SUPPORTED)
  }

  /// C_Finalize: nobody may be in any call of the library.
  func finalize() -> ReturnCode {
    ReturnCode(rawValue: unsafe begin("C_Finalize").pointee.C_Finalize?(nil) ?? CKR_FUNCTION_NOT_SUPPORTED)
  }

  // MARK: - Slots and tokens

  /// - Parameter withToken: leave out slots without a token.
  func slots(withToken: Bool) throws(TokenError) -> [CK_SLOT_ID] {
    try unsafe list("C_GetSlotList") { list, count in
      unsafe begin("C_GetSlotList").pointee.C_GetSlotList?(withToken ? 1 : 0, list, &count)
    }
  }

  func tokenInfo(_ slot: CK_SLOT_ID) throws(TokenError) -> TokenInfo {
    var info = CK_TOKEN_INFO()
    try check("C_GetTokenInfo", unsafe begin("C_GetTokenInfo").pointee.C_GetTokenInfo?(slot, &info))
    return TokenInfo(info)
  }

  func mechanisms(_ slot: CK_SLOT_ID) throws(TokenError) -> [CK_MECHANISM_TYPE] {
    try unsafe list("C_GetMechanismList") { list, count in
      unsafe begin("C_GetMechanismList").pointee.C_GetMechanismList?(slot, list, &count)
    }
  }

  /// Nil where the token has no such mechanism.
  func mechanismInfo(_ slot: CK_SLOT_ID, _ mechanism: CK_MECHANISM_TYPE) throws(TokenError) -> CK_MECHANISM_INFO? {
    var info = CK_MECHANISM_INFO()
    let answer = unsafe begin("C_GetMechanismInfo").pointee.C_GetMechanismInfo?(slot, mechanism, &info)
    if answer == ReturnCode.mechanismInvalid.rawValue { return nil }
    try check("C_GetMechanismInfo", answer)
    return info
  }

  /// C_InitToken: wipes the token in that slot.
  func initializeToken(_ slot: CK_SLOT_ID, soPIN: [UInt8], label: [UInt8]) throws(TokenError) {
    var (pin, name) = (soPIN, label)
    try check("C_InitToken", unsafe begin("C_InitToken").pointee.C_InitToken?(slot, &pin, CK_ULONG(pin.count), &name))
  }

  // MARK: - Sessions

  func openSession(_ slot: CK_SLOT_ID, isReadWrite: Bool = false) throws(TokenError) -> CK_SESSION_HANDLE {
    var session: CK_SESSION_HANDLE = 0
    let flags = CKF_SERIAL_SESSION | (isReadWrite ? CKF_RW_SESSION : 0)
    try check("C_OpenSession", unsafe begin("C_OpenSession").pointee.C_OpenSession?(slot, flags, nil, nil, &session))
    return session
  }

  /// What it answers is nobody's concern: the session is given up either way.
  func closeSession(_ session: CK_SESSION_HANDLE) {
    _ = unsafe begin("C_CloseSession").pointee.C_CloseSession?(session)
  }

  /// Whether the user is logged in, as far as the module tells.
  func isLoggedIn(_ session: CK_SESSION_HANDLE) -> Bool {
    var info = CK_SESSION_INFO()
    guard unsafe begin("C_GetSessionInfo").pointee.C_GetSessionInfo?(session, &info) == CKR_OK else { return false }
    return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS
  }

  func logIn(_ session: CK_SESSION_HANDLE, _ user: CK_USER_TYPE, pin: inout [UInt8]) -> ReturnCode {
    let answer = unsafe begin("C_Login").pointee.C_Login?(session, user, &pin, CK_ULONG(pin.count))
    return ReturnCode(rawValue: answer ?? CKR_FUNCTION_NOT_SUPPORTED)
  }

  /// For a token that asks for the PIN by itself (CKF_PROTECTED_AUTHENTICATION_PATH); returns when somebody typed it.
  func logInWithoutPIN(_ session: CK_SESSION_HANDLE) -> ReturnCode {
    ReturnCode(
      rawValue: unsafe begin("C_Login").pointee.C_Login?(session, CKU_USER, nil, 0) ?? CKR_FUNCTION_NOT_SUPPORTED)
  }

  func logOut(_ session: CK_SESSION_HANDLE) {
    _ = unsafe begin("C_Logout").pointee.C_Logout?(session)
  }

  /// C_InitPIN: sets the user's PIN; the session is the security officer's.
  func initializePIN(_ session: CK_SESSION_HANDLE, _ pin: [UInt8]) throws(TokenError) {
    var pin = pin
    try check("C_InitPIN", unsafe begin("C_InitPIN").pointee.C_InitPIN?(session, &pin, CK_ULONG(pin.count)))
  }

  // MARK: - Objects

  /// - Parameter limit: at most so many; the rest is left out.
  func objects(
    _ session: CK_SESSION_HANDLE, _ template: borrowing AttributeTemplate, limit: Int
  ) throws(TokenError) -> [CK_OBJECT_HANDLE] {
    var attributes = unsafe template.attributes
    try check(
      "C_FindObjectsInit",
      unsafe begin("C_FindObjectsInit").pointee.C_FindObjectsInit?(session, &attributes, CK_ULONG(attributes.count)))
    defer { _ = unsafe begin("C_FindObjectsFinal").pointee.C_FindObjectsFinal?(session) }
    var found: [CK_OBJECT_HANDLE] = []
    var some = [CK_OBJECT_HANDLE](repeating: 0, count: 32)
    while found.count < limit {
      var count: CK_ULONG = 0
      try check(
        "C_FindObjects",
        unsafe begin("C_FindObjects").pointee.C_FindObjects?(session, &some, CK_ULONG(some.count), &count))
      guard count > 0 else { break }
      found += some.prefix(min(Int(count), limit - found.count))
    }
    return found
  }

  /// Octets that an attribute may have; moduli and points are far smaller.
  private static let maximumAttributeCount: CK_ULONG = 1 << 16

  /// The value of an attribute; nil where the object has none, or shows it to nobody.
  func attribute(
    _ session: CK_SESSION_HANDLE, _ object: CK_OBJECT_HANDLE, _ type: CK_ATTRIBUTE_TYPE
  ) throws(TokenError) -> [UInt8]? {
    var attribute = unsafe CK_ATTRIBUTE(type: type, pValue: nil, ulValueLen: 0)
    var answer = unsafe begin("C_GetAttributeValue").pointee.C_GetAttributeValue?(session, object, &attribute, 1)
    // Both are answers rather than failures (PKCS#11 2.40 5.7).
    if answer == ReturnCode.attributeTypeInvalid.rawValue || answer == ReturnCode.attributeSensitive.rawValue {
      return nil
    }
    try check("C_GetAttributeValue", answer)
    let count = unsafe attribute.ulValueLen
    guard count != avouch_unavailable_information(), count <= Cryptoki.maximumAttributeCount else { return nil }
    var value = [UInt8](repeating: 0, count: Int(count))
    let written = unsafe value.withUnsafeMutableBytes { buffer -> CK_ULONG in
      unsafe attribute.pValue = buffer.baseAddress
      answer = unsafe begin("C_GetAttributeValue").pointee.C_GetAttributeValue?(session, object, &attribute, 1)
      return unsafe attribute.ulValueLen
    }
    try check("C_GetAttributeValue", answer)
    return written <= count ? Array(value.prefix(Int(written))) : nil
  }

  func generateKeyPair(
    _ session: CK_SESSION_HANDLE, _ mechanism: CK_MECHANISM_TYPE, publicKey: borrowing AttributeTemplate,
    privateKey: borrowing AttributeTemplate
  ) throws(TokenError) -> (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE) {
    var mechanism = unsafe CK_MECHANISM(mechanism: mechanism, pParameter: nil, ulParameterLen: 0)
    var (publicAttributes, privateAttributes) = unsafe (publicKey.attributes, privateKey.attributes)
    var (publicHandle, privateHandle): (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) = (0, 0)
    try check(
      "C_GenerateKeyPair",
      unsafe begin("C_GenerateKeyPair").pointee.C_GenerateKeyPair?(
        session, &mechanism, &publicAttributes, CK_ULONG(publicAttributes.count), &privateAttributes,
        CK_ULONG(privateAttributes.count), &publicHandle, &privateHandle))
    return (publicHandle, privateHandle)
  }

  // MARK: - Lists

  /// More than any module has; a count beyond it is a broken module's.
  private static let maximumListCount: CK_ULONG = 4096

  /// Asks for the count, then for the items; again where there were more of them in the meantime.
  private func list(
    _ call: StaticString, _ body: (UnsafeMutablePointer<CK_ULONG>?, inout CK_ULONG) -> CK_RV?
  ) throws(TokenError) -> [CK_ULONG] {
    for _ in 0..<8 {
      var count: CK_ULONG = 0
      try check(call, body(nil, &count))
      guard count > 0 else { return [] }
      guard count <= Cryptoki.maximumListCount else { break }
      var items = [CK_ULONG](repeating: 0, count: Int(count))
      let answer = unsafe items.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress, &count) }
      if answer == ReturnCode.bufferTooSmall.rawValue { continue }
      try check(call, answer)
      return Array(items.prefix(Int(count)))
    }
    throw TokenError("\(call): the list does not stop growing", .reopenSlot)
  }
}
