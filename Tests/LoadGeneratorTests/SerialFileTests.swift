import OCSP
import Testing

@testable import LoadGenerator

@Suite("Files of serials")
struct SerialFileTests {
  private func read(_ text: String) throws -> [String] {
    let list = try SerialFile.read(Array(text.utf8), name: "s.txt", expectation: .good)
    return (0..<list.count).map { list.serial(at: $0).hexadecimal }
  }

  @Test("one serial a line, in all forms that are written")
  func forms() throws {
    let text = "0A1B\nff\n0xFF00 # two octets\r\n\n# none\n  serial=0C:0D \n01\n-1\nabc\n"
    #expect(try read(text) == ["0A1B", "00FF", "00FF00", "0C0D", "01", "FF", "0ABC"])
  }

  @Test("serials of all lengths stay what they are, whatever comes before and after")
  func lengths() throws {
    let order = [3, 32, 1, 16, 20, 2, 31]
    let serials = try order.map { try LoadWorld.serial(octets: $0) }
    let list = SerialList(serials, expectation: .revoked)
    var grown = SerialList()
    for serial in serials { grown.append(serial, .good) }
    for (place, serial) in serials.enumerated() {
      #expect(list.serial(at: place) == serial)
      #expect(grown.serial(at: place) == serial)
      #expect(list.expectation(at: place) == .revoked)
      #expect(grown.expectation(at: place) == .good)
      #expect(list.hasSerial(ofOctets: serial.count))
    }
    #expect(!list.hasSerial(ofOctets: 5))
  }

  @Test("what is no serial is told with file and line")
  func errors() {
    let error = #expect(throws: SerialFile.Failure.self) { try read("01\n\nxyz\n") }
    #expect(error?.description.hasPrefix("s.txt, line 3: 'xyz' is no serial number") == true)
    #expect(throws: SerialFile.Failure.self) { try read(String(repeating: "7F", count: 33)) }
    #expect(throws: SerialFile.Failure.self) { try read("# nothing\n\n") }
    #expect(throws: SerialFile.Failure.self) { try read("") }
    #expect(throws: SerialFile.Failure.self) { try read("0x") }
  }
}
