import Foundation
import Testing

/// The request and the response of RFC 9919 Appendix B.
enum Vector {
  static func octets(_ name: String) throws -> [UInt8] {
    let url = try #require(Bundle.module.url(forResource: "Vectors/" + name, withExtension: nil))
    return [UInt8](try Data(contentsOf: url))
  }
}
