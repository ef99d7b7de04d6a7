/// A reply of RESP2, or a part of one.
public enum RedisValue: Sendable, Hashable {
  /// `+OK`.
  case simple(String)
  /// An error inside an array, as EXEC has them. A reply that is an error as a whole is a `RedisFailure`.
  case error(String)
  case integer(Int64)
  /// Any octets, none included.
  case bulk([UInt8])
  case array([RedisValue])
  /// A missing value, or a missing array.
  case null

  /// The text of a simple string or of octets (whatever is no UTF-8 is replaced); nil for everything else.
  public var text: String? {
    switch self {
    case .simple(let text): text
    case .bulk(let octets): String(decoding: octets, as: UTF8.self)
    case .error, .integer, .array, .null: nil
    }
  }

  /// The octets of a bulk string.
  public var octets: [UInt8]? {
    if case .bulk(let octets) = self { octets } else { nil }
  }

  /// An integer, also one that comes as text, as in the replies of Sentinel.
  public var integer: Int64? {
    if case .integer(let number) = self { number } else { text.flatMap { Int64($0) } }
  }

  public var elements: [RedisValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }
}
