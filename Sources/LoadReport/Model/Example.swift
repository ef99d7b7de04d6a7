/// One request that failed, kept so that it can be looked at and asked again.
public struct Example: Sendable, Hashable {
  /// Octets of an answer that are kept.
  public static let maximumAnswerBytes = 512

  public var kind: AnswerKind
  /// After the begin of the run.
  public var afterMilliseconds: Double
  /// `GET` or `POST`.
  public var method: String
  /// The request target: what stands between method and version in the request line.
  public var target: String
  /// The body of a POST, in hexadecimal digits; empty for a GET.
  public var bodyHexadecimal: String
  /// The first octets that came back, head and all, in hexadecimal digits; the body alone where that was found to be wrong
  /// behind the run; empty where nothing came.
  public var answerHexadecimal: String
  /// What is wrong, in words.
  public var explanation: String

  /// The status line that came back; nil where what is kept begins with something else.
  var statusLine: String? {
    // HTTP/
    guard answerHexadecimal.lowercased().hasPrefix("485454502f") else { return nil }
    let digits = Array(answerHexadecimal.utf8)
    let octets = stride(from: 0, to: digits.count - 1, by: 2).lazy.map { place in
      UInt8(String(decoding: digits[place...place + 1], as: UTF8.self), radix: 16) ?? 0
    }
    return String(decoding: octets.prefix { $0 != 0x0D && $0 != 0x0A }, as: UTF8.self)
  }

  public init(
    kind: AnswerKind, afterMilliseconds: Double, method: String, target: String, bodyHexadecimal: String,
    answerHexadecimal: String, explanation: String
  ) {
    self.kind = kind
    self.afterMilliseconds = afterMilliseconds
    self.method = method
    self.target = target
    self.bodyHexadecimal = bodyHexadecimal
    self.answerHexadecimal = answerHexadecimal
    self.explanation = explanation
  }
}
