import Foundation

/// The files of RFC 9919 Appendix B.
enum Vector {
  static func octets(_ name: String) throws -> [UInt8] {
    let url = try found(Bundle.module.url(forResource: "Vectors/" + name, withExtension: nil), name)
    return [UInt8](try Data(contentsOf: url))
  }

  private static func found(_ url: URL?, _ name: String) throws -> URL {
    guard let url else { throw MissingVector(name: name) }
    return url
  }

  struct MissingVector: Error {
    var name: String
  }
}
