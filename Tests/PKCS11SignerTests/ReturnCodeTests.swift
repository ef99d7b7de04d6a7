import Testing

@testable import PKCS11Signer

@Suite("Return codes")
struct ReturnCodeTests {
  @Test("every code has one name of its own, and one reaction")
  func names() {
    // 94 of 2.40 and before, 3 of 3.0, 7 of 3.1 and 3.2.
    let count = 104
    let names = ReturnCode.named.compactMap(\.name)
    #expect(names.count == count && Set(names).count == names.count)
    #expect(names.allSatisfy { $0.hasPrefix("CKR_") })
  }

  @Test("names and numbers are those of p11-kit's header, every one of them")
  func header() throws {
    let lines = SoftHSM.output(
      "grep -E '^#define[[:space:]]+CKR_' $(pkg-config --variable=includedir p11-kit-1)/p11-kit-1/p11-kit/pkcs11.h")
    var count = 0
    for line in lines.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      let text = words[2].filter { $0 != "(" && $0 != ")" }.replacing("UL", with: "")
      // CKR_VENDOR_DEFINED is where the vendors' codes begin, and none itself.
      guard let value = text.hasPrefix("0x") ? UInt(text.dropFirst(2), radix: 16) : UInt(text) else { continue }
      #expect(ReturnCode(rawValue: value).name == String(words[1]))
      count += 1
    }
    #expect(count == 94, "\(lines)")
  }

  @Test("each class holds exactly the codes it should")
  func classes() {
    func codes(_ reaction: ReturnCode.Reaction) -> Set<String> {
      Set(
        ReturnCode.named.filter { $0.reaction == reaction && $0 != .ok }.compactMap {
          $0.name.map { String($0.dropFirst(4)) }
        })
    }
    #expect(codes(.initialize) == ["CRYPTOKI_NOT_INITIALIZED"])
    #expect(codes(.logIn) == ["USER_NOT_LOGGED_IN"])
    #expect(
      codes(.reopenSlot) == [
        "SLOT_ID_INVALID", "GENERAL_ERROR", "DEVICE_ERROR", "DEVICE_REMOVED", "SESSION_READ_WRITE_SO_EXISTS",
        "TOKEN_NOT_PRESENT", "TOKEN_NOT_RECOGNIZED", "USER_ANOTHER_ALREADY_LOGGED_IN", "USER_TOO_MANY_TYPES",
        "MUTEX_BAD",
        "MUTEX_NOT_LOCKED", "FIPS_SELF_TEST_FAILED", "LIBRARY_LOAD_FAILED", "TOKEN_NOT_INITIALIZED",
      ])
    #expect(
      codes(.newSession) == [
        "CANCEL", "HOST_MEMORY", "FUNCTION_FAILED", "NO_EVENT", "DEVICE_MEMORY", "FUNCTION_CANCELED",
        "FUNCTION_NOT_PARALLEL", "KEY_HANDLE_INVALID", "KEY_CHANGED", "OBJECT_HANDLE_INVALID", "OPERATION_ACTIVE",
        "OPERATION_NOT_INITIALIZED", "SESSION_CLOSED", "SESSION_COUNT", "SESSION_HANDLE_INVALID", "SIGNATURE_INVALID",
        "SIGNATURE_LEN_RANGE", "USER_ALREADY_LOGGED_IN", "BUFFER_TOO_SMALL", "SAVED_STATE_INVALID", "STATE_UNSAVEABLE",
        "CRYPTOKI_ALREADY_INITIALIZED", "FUNCTION_REJECTED", "TOKEN_RESOURCE_EXCEEDED", "OPERATION_CANCEL_FAILED",
        "PENDING",
      ])
    // All that is about PINs is given up: a second try may lock the token.
    #expect(ReturnCode.named.filter { $0.name?.contains("PIN") == true }.allSatisfy { $0.reaction == .giveUp })
  }

  @Test("codes that the standard does not name, vendors' among them: the slot is opened anew")
  func unknown() {
    for value: UInt in [4, 0x999, 0x8000_0000, 0x8000_0012, 0xCE53_4351, .max] {
      #expect(ReturnCode(rawValue: value).reaction == .reopenSlot && ReturnCode(rawValue: value).name == nil)
    }
    #expect(ReturnCode(rawValue: 0x8000_0012).description == "CKR_VENDOR_DEFINED + 0x12")
    #expect(ReturnCode(rawValue: 0x999).description == "0x999")
  }
}
