import Configuration
import Testing

@Suite("Encoding of a configuration")
struct EncodingTests {
  @Test("what is not UTF-8 is told with its place, in a key, a text and a comment")
  func notUTF8() {
    for (before, octets, after) in [
      ("{ a: 1,\n  st", [0xFC], "re: 'x' }"), ("{ store:\n 'g", [0xE9], "n' }"), ("// \n// a", [0xC3, 0x28], "\n{}"),
      ("{\n    ", [0xED, 0xA0, 0x80], ": 1 }"), ("\n     ", [0xF0, 0x9F], ""),
    ] as [(String, [UInt8], String)] {
      #expect {
        _ = try Configuration(Array(before.utf8) + octets + Array(after.utf8), environment: [:])
      } throws: {
        "\($0)".hasPrefix("line 2, column ") && "\($0)".hasSuffix("this is not UTF-8")
      }
    }
    #expect { _ = try Configuration([0xFF], environment: [:]) } throws: {
      "\($0)" == "line 1, column 1: this is not UTF-8"
    }
  }
}
