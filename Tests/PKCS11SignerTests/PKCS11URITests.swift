import Testing

@testable import PKCS11Signer

@Suite("PKCS#11 URIs")
struct PKCS11URITests {
  private let module = "module-path=/usr/lib/softhsm/libsofthsm2.so"

  private func failure(_ text: String) -> String {
    do {
      _ = try PKCS11URI(text)
      return "none"
    } catch {
      return error.description
    }
  }

  @Test("every attribute is read, percent encoding undone")
  func whole() throws {
    let uri = try PKCS11URI(
      "pkcs11:token=My%20Token;manufacturer=SoftHSM%20project;serial=52ca29f8;model=SoftHSM%20v2;slot-id=7;"
        + "object=ocsp%3bkey;id=%01%ab;type=private?\(module)&pin-source=file:/etc/avouch/pin")
    #expect(
      uri
        == PKCS11URI(
          modulePath: "/usr/lib/softhsm/libsofthsm2.so", token: "My Token", serial: "52ca29f8",
          manufacturer: "SoftHSM project", model: "SoftHSM v2", slotID: 7, object: "ocsp;key", id: [0x01, 0xAB],
          pinSource: .file("/etc/avouch/pin")))
    #expect(uri.description.contains("'ocsp;key' (id 01ab) in token 'My Token'"))
  }

  @Test("what is written is read back, whatever characters are in it")
  func written() throws {
    let characters = String((1...255).map { Character(UnicodeScalar($0)) })
    let whole = PKCS11URI(
      modulePath: "/a b/\(characters)", token: "my token; a=b", serial: "52ca&29f8", manufacturer: "SoftHSM/project",
      model: "100%", slotID: 7, object: characters, id: (0...255).map { $0 },
      pinSource: .file("/ü/\(characters)/pin"))
    for uri in [
      whole, PKCS11URI(modulePath: "/x"), PKCS11URI(modulePath: "/x", object: "a", pinSource: .environment("HSM_PIN")),
    ] {
      #expect(try PKCS11URI(uri.text) == uri, "\(uri.text)")
      #expect(uri.text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
    }
    let plain = "pkcs11:token=ocsp;object=responder;id=%01%ab?\(module)&pin-source=file:/etc/avouch/pin"
    #expect(try PKCS11URI(plain).text == plain)
  }

  @Test("what is left out is nil, and matches anything")
  func sparse() throws {
    let uri = try PKCS11URI("pkcs11:?\(module)")
    #expect(uri == PKCS11URI(modulePath: "/usr/lib/softhsm/libsofthsm2.so"))
    #expect(try PKCS11URI("pkcs11:object=a?\(module)").token == nil)
  }

  @Test(
    "a PIN may be in a file or in the environment",
    arguments: [
      ("file:/run/pin", PINSource.file("/run/pin")), ("file:///run/pin", .file("/run/pin")),
      ("/run/pin", .file("/run/pin")), ("env:HSM_PIN", .environment("HSM_PIN")),
      ("env%3AHSM_PIN", .environment("HSM_PIN")),
    ])
  func pinSources(text: String, source: PINSource) throws {
    #expect(try PKCS11URI("pkcs11:token=a?\(module)&pin-source=\(text)").pinSource == source)
  }

  @Test("a PIN in the URI is refused, and no error quotes it")
  func pins() {
    for text in [
      "pkcs11:token=a?\(module)&pin-value=1290", "pkcs11:token=a;pin-value=1290?\(module)",
      "pkcs11:token=a?\(module)&pin-source=1290", "pkcs11:token=a;1290?\(module)",
      "pkcs11:token=a?\(module)&pin-source=env:12-90", "pkcs11:token=%ZZ?pin-value=1290&\(module)",
      "pkcs11:token=a?\(module)&pin-source=%ZZ1290", "pkcs11:token=a?\(module)&pin-source=|echo 1290",
      "PKCS11:token=a?\(module)&pin-value=1290", " pkcs11:token=a?\(module)&PIN-VALUE=1290",
      "pkcs11:token=a?\(module);pin-value=1290", "pkcs11:token=a?\(module)&pin-source=file:/p?pin-value=1290",
      "pkcs11:token=a?\(module)&pin-source=file:/p%3Fpin-value=1290", "pkcs11:token=a?\(module)&pin%2Dvalue=1290",
      "pkcs11:token=a&pin_value=1290?\(module)", "pkcs1:token=a?\(module)&%70in-value%3D1290",
      "pkcs11:token=a;pin-source=1290?\(module)",
    ] {
      let words = failure(text)
      #expect(words.contains("pin-") || words.contains("no '='"))
      #expect(!words.contains("1290") && !words.contains("12-90"))
    }
  }

  @Test("blanks around a URI and capitals in its scheme change nothing", arguments: ["", " ", "\n\t"])
  func spellings(blank: String) throws {
    let text = "\(blank)PkCs11:token=a?\(module)\(blank)"
    #expect(PKCS11URI.isMeant(by: text))
    #expect(try PKCS11URI(text) == PKCS11URI(modulePath: "/usr/lib/softhsm/libsofthsm2.so", token: "a"))
    #expect(!PKCS11URI.isMeant(by: "pkcs11.pem"))
  }

  @Test(
    "what people read has no PIN in it",
    arguments: [
      ("no file 'pkcs11:a?pin-value=1290&b=c': gone", "no file 'pkcs11:a?pin-value=…&b=c': gone"),
      ("/PKCS11:a?Pin_Value = 12 90;x: No such file", "/PKCS11:a?Pin_Value =…: No such file"),
      ("%70in%2Dvalue%3d1290", "%70in%2Dvalue%3d…"), ("pin-value=1&PINVALUE=2", "pin-value=…&PINVALUE=…"),
      ("pin-value is refused; a = b, 100%", "pin-value is refused; a = b, 100%"),
      ("ü=%C3%BC pin-value=", "ü=%C3%BC pin-value=…"),
    ])
  func redaction(text: String, shown: String) {
    #expect(PINRedaction.redacted(text) == shown)
  }

  @Test(
    "errors name the attribute and what was expected",
    arguments: [
      ("token=a", ["'pkcs11:'"]),
      ("pkcs11:token=a", ["module-path is missing"]),
      ("pkcs11:token=a?module-path=lib.so", ["module-path", "absolute path", "lib.so"]),
      ("pkcs11:token=a?module-name=softhsm2", ["module-name", "module-path"]),
      ("pkcs11:tokn=a?module-path=/x", ["tokn", "expected token, serial"]),
      ("pkcs11:token=a?module-path=/x.so;pin-source=env:A", ["module-path", "%3B", "'&'"]),
      ("pkcs11:token=a?module-path=/x?pin-source=env:A", ["module-path", "%3F"]),
      ("pkcs11:token=a?module-path=/x&12=90", ["attribute 2 behind '?' is not known"]),
      ("pkcs11:token=a;token=b?module-path=/x", ["token is given twice"]),
      ("pkcs11:token=a;module-path=/x", ["module-path stands in front of '?'"]),
      ("pkcs11:object=k?module-path=/x&token=a", ["token stands behind '?'"]),
      ("pkcs11:slot-id=one?module-path=/x", ["slot-id", "a number", "'one'"]),
      ("pkcs11:token=%GG?module-path=/x", ["token", "%XX"]),
      ("pkcs11:object=%4?module-path=/x", ["object", "%XX"]),
      ("pkcs11:token=012345678901234567890123456789012?module-path=/x", ["token", "32 octets"]),
      ("pkcs11:serial=01234567890123456?module-path=/x", ["serial", "16 octets"]),
      ("pkcs11:object=k;type=public?module-path=/x", ["type", "'private'"]),
      ("pkcs11:object=k;type=thing?module-path=/x", ["type", "'private'"]),
      ("pkcs11:token=a?module-path=/x&pin-source=secret", ["pin-source", "file:/path"]),
    ])
  func errors(text: String, words: [String]) {
    let found = failure(text)
    for word in words { #expect(found.contains(word), "\(text): \(found)") }
  }

  @Test("damaged URIs are refused or read, and never end the program")
  func mutations() throws {
    let whole = Array("pkcs11:token=My%20Token;slot-id=7;id=%01?\(module)&pin-source=env:A".utf8)
    for place in whole.indices {
      for octet: UInt8 in [0x00, 0x25, 0x3B, 0x3D, 0x3F, 0x26, 0x41, 0xFF] {
        var damaged = whole
        damaged[place] = octet
        _ = failure(String(decoding: damaged, as: UTF8.self))
        _ = failure(String(decoding: whole[..<place], as: UTF8.self))
      }
    }
    #expect(failure("pkcs11:token=" + String(repeating: "a", count: 5000)).contains("4096"))
  }
}
