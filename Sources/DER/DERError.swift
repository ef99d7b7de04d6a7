/// What is wrong with octets that should be DER, and where.
public struct DERError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Problem: Sendable, Hashable {
    /// The element, or its header, goes on past the end of what holds it.
    case truncated
    /// Another tag than this one is needed here.
    case expected(DERTag)
    /// A length in the indefinite form, not minimal, or of over four octets (X.690 10.1).
    case badLength
    /// A tag number over 30.
    case longTag
    /// Something follows where nothing may.
    case trailingData
    /// The content is not what the tag promises: an empty INTEGER, a time that is none.
    case badContent(DERTag)
  }

  public var problem: Problem
  /// Octets from the beginning of the outermost buffer.
  public var offset: Int

  public init(_ problem: Problem, offset: Int) {
    self.problem = problem
    self.offset = offset
  }

  public var description: String {
    let what =
      switch problem {
      case .truncated: "the element ends before its length says"
      case .expected(let tag): "expected an element with tag 0x\(String(tag.rawValue, radix: 16))"
      case .badLength: "a length that is not DER"
      case .longTag: "a tag of more than one octet"
      case .trailingData: "octets after the last element"
      case .badContent(let tag): "content that does not fit tag 0x\(String(tag.rawValue, radix: 16))"
      }
    return "\(what), at octet \(offset)"
  }
}
