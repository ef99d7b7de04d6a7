import Testing

@testable import HTTP1

/// Where a request ends, and what would let two servers differ about it (RFC 9112 3, 5, 6, 11.2; standards 31 to 33).
@Suite("Framing of requests")
struct FramingTests {
  /// How the head is read: its framing, or the error.
  fileprivate enum Outcome: Equatable, CustomTestStringConvertible {
    case framing(BodyFraming)
    case error(HTTPError)
    case incomplete

    var testDescription: String { "\(self)" }
  }

  private func outcome(_ octets: [UInt8]) -> Outcome {
    do throws(HTTPError) {
      guard let result = try RequestParser.parse(octets.span, limits: .init()) else { return .incomplete }
      return .framing(result.head.framing)
    } catch {
      return .error(error)
    }
  }

  private func outcome(fields: String, version: String = "1.1") -> Outcome {
    outcome(Array("POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n".utf8))
  }

  @Test(
    "Transfer-Encoding: chunked once and last, and no other coding (RFC 9112 6.1, 6.3, 7.1)",
    arguments: [
      ("chunked", nil), ("CHUNKED", nil), (" \tchunked\t ", nil), (", chunked", nil), ("chunked,", nil),
      (",,chunked , ,", nil),
      ("chunked\r\nTransfer-Encoding:", nil), ("chunked\r\nTE: trailers, deflate;q=0.5", nil),
      // Known to nobody here, and yet the end can be found.
      ("gzip, chunked", 501), ("xchunked, chunked", 501), ("identity, chunked", 501), ("gzip;q=1, chunked", 501),
      ("gzip ; a=\"b\", chunked", 501), ("gzip\r\nTransfer-Encoding: chunked", 501),
      // The end cannot be found, or not by everybody in the same place.
      ("", 400), (" ", 400), (",", 400), ("gzip", 400), ("identity", 400), ("xchunked", 400), ("chunkedx", 400),
      ("chunked, gzip", 400), ("chunked, identity", 400), ("chunked, chunked", 400), ("chunked,chunked", 400),
      ("chunked;q=1", 400), ("chunked ;q=1", 400), ("chunked;", 400), ("chunked x", 400), ("x chunked", 400),
      ("\"chunked\"", 400), ("'chunked'", 400), ("chunked\"", 400), ("gzip;a=\"b, chunked\"", 400), ("chunked=", 400),
      (";chunked", 400),
      ("=, chunked", 400), ("gzip x, chunked", 400), ("\u{B}chunked", 400), ("chunked\u{C}", 400),
      ("\u{0}chunked", 400),
      ("chunked\u{A0}", 400), ("\u{E4}, chunked", 400), ("chunked\r\nTransfer-Encoding: chunked", 400),
      ("chunked\r\nTransfer-Encoding: gzip", 400),
      ("chunked\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 400),
      ("chunked, gzip\r\nTransfer-Encoding: chunked", 400), ("chunked, chunked\r\ntransfer-encoding: chunked", 400),
      ("chunked;q=1\r\nTransfer-Encoding: chunked", 400), ("chunked\r\n folded", 400), ("\r\n chunked", 400),
    ] as [(String, Int?)])
  func transferEncoding(value: String, status: Int?) {
    switch outcome(fields: "Transfer-Encoding:\(value)") {
    case .framing(let framing): #expect(status == nil && framing == .chunked)
    case .error(let error): #expect(status == error.status, "\(error)")
    case .incomplete: Issue.record("incomplete")
    }
  }

  @Test("Transfer-Encoding beside Content-Length, or in HTTP/1.0, is refused in any order (RFC 9112 6.1, 6.3)")
  func both() {
    for length in ["0", "5", "00"] {
      let fields = ["Content-Length: \(length)", "Transfer-Encoding: chunked"]
      for both in [fields, fields.reversed()] {
        #expect(outcome(fields: both.joined(separator: "\r\n")) == .error(.badRequest(.transferEncoding)))
      }
      #expect(outcome(fields: "Content-Length: \(length)\r\nTransfer-Encoding: gzip").isRefused)
      #expect(outcome(fields: "Content-Length: \(length)\r\nTransfer-Encoding:").isRefused)
    }
    for value in ["chunked", "gzip, chunked", "identity", ""] {
      #expect(outcome(fields: "Transfer-Encoding: \(value)", version: "1.0") == .error(.badRequest(.transferEncoding)))
    }
  }

  @Test(
    "Content-Length: digits, and one number however often it is said (RFC 9112 6.3)",
    arguments: [
      ("5", 5), (" 5", 5), ("\t5 ", 5), ("05", 5), ("0000000000000000000000000000000000000005", 5), ("0", 0),
      ("5\r\nContent-Length: 5", 5), ("5\r\ncontent-length: 05", 5), ("281474976710656", 1 << 48),
      ("", nil), (" ", nil), ("5, 5", nil), ("5,5", nil), ("5,", nil), (",5", nil), ("5 5", nil), ("+5", nil),
      ("-5", nil), ("-0", nil),
      ("0x5", nil), ("5e0", nil), ("5.0", nil), ("5;", nil), ("\"5\"", nil), ("a", nil), ("\u{B}5", nil),
      ("5\u{0}", nil),
      ("\u{FF15}", nil), ("\u{B2}", nil), ("5\r\nContent-Length: 6", nil), ("0\r\nContent-Length: 5", nil),
      ("5\r\nContent-Length:", nil), ("\r\n 5", nil), ("5\r\n 5", nil),
    ] as [(String, Int?)])
  func contentLength(value: String, expected: Int?) {
    let outcome = outcome(fields: "Content-Length:\(value)")
    guard let expected else {
      #expect(outcome.isRefused, "\(outcome)")
      return
    }
    #expect(outcome == .framing(expected == 0 ? .none : .length(expected)))
  }

  @Test("a length of any number of digits is one that is too large, never a small one", arguments: 15...60)
  func longLengths(digits: Int) {
    for digit in ["1", "9"] {
      guard
        case .framing(.length(let length)) = outcome(
          fields: "Content-Length: " + String(repeating: digit, count: digits))
      else {
        Issue.record("the length was lost")
        continue
      }
      #expect(length > 1 << 46)
    }
  }

  @Test(
    "field lines are a token, a colon at once, and a value without controls (RFC 9112 5)",
    arguments: [
      "X", "X y", "X : y", "X\t: y", " X: y", "\tX: y", ": y", "X Y: z", "X(: y", "X\"Y: z", "X/Y: z", "X@: y", "X[: y",
      "X\u{0}: y", "X\u{7F}: y", "\u{E4}: y", "X: y\u{0}", "X: \u{1}y", "X: a\rb", "X: a\r", "X: y\r\n z",
      "X: y\r\n\tz", "X: y\r\n z: a",
      "X: y\n z", "Content-Length : 5", "Content-Length\u{B}: 5", "Transfer-Encoding : chunked",
      "Transfer-Encoding\t: chunked",
      "Transfer_Encoding chunked",
    ])
  func fieldLines(line: String) {
    #expect(outcome(fields: line).isRefused)
    #expect(outcome(fields: "A: b\r\n\(line)\r\nC: d").isRefused)
    // White space behind the request line (RFC 9112 2.2), whatever follows it.
    #expect(outcome(Array("POST / HTTP/1.1\r\n \(line)\r\nHost: a\r\n\r\n".utf8)).isRefused)
  }

  @Test(
    "request lines are a method, a target and a version with one space between (RFC 9112 3)",
    arguments: [
      ("GET / HTTP/1.1", nil), ("GET / HTTP/1.0", nil), ("GET / HTTP/1.2", nil), ("GET / HTTP/1.9", nil),
      ("GET / HTTP/2.0", 505), ("GET / HTTP/0.9", 505), ("GET / HTTP/3.1", 505), ("GET / HTTP/0.0", 505),
      ("PRI * HTTP/2.0", 505),
      ("GET /", 400), ("GET / ", 400), ("GET", 400), ("GET ", 400), (" GET / HTTP/1.1", 400), ("\tGET / HTTP/1.1", 400),
      ("GET  / HTTP/1.1", 400), ("GET /  HTTP/1.1", 400), ("GET\t/ HTTP/1.1", 400), ("GET /\tHTTP/1.1", 400),
      ("GET / HTTP/1.1 ", 400), ("GET / HTTP/1.1\t", 400), ("GET / HTTP/1.1 x", 400), ("GET / x HTTP/1.1", 400),
      ("GET /a b HTTP/1.1", 400),
      ("GET / http/1.1", 400), ("GET / HTTP/1", 400), ("GET / HTTP/1.", 400), ("GET / HTTP/11", 400),
      ("GET / HTTP/1.10", 400),
      ("GET / HTTP/01.1", 400), ("GET / HTTP/1,1", 400), ("GET / HTTP/1.x", 400), ("GET / HTTP /1.1", 400),
      ("GET / HTTPS/1.1", 400),
      ("GET / HTTP/+1.1", 400), ("GET / HTTP/-1.1", 400), ("GET /\u{0} HTTP/1.1", 400), ("GET /\u{7F} HTTP/1.1", 400),
      ("GET /\u{E4} HTTP/1.1", 400), ("GET / HTTP/1.1\u{0}", 400), ("GET\u{0} / HTTP/1.1", 400),
      ("GET / HTTP/1.1\rX: y", 400),
      ("G(T / HTTP/1.1", 400), ("GET: / HTTP/1.1", 400), ("\"GET\" / HTTP/1.1", 400), ("GET \\ HTTP/1.1", 400),
      ("GET a/b HTTP/1.1", 400), ("GET * HTTP/1.1", 400), ("OPTIONS * HTTP/1.1", nil), ("OPTIONS ** HTTP/1.1", 400),
    ] as [(String, Int?)])
  func requestLines(line: String, status: Int?) {
    for lead in ["", "\r\n", "\n", "\r\n\r\n"] {
      switch outcome(Array("\(lead)\(line)\r\nHost: a\r\n\r\n".utf8)) {
      case .framing(let framing): #expect(status == nil && framing == .none)
      case .error(let error): #expect(status == error.status, "\(error)")
      case .incomplete: Issue.record("incomplete")
      }
    }
  }

  @Test("a carriage return alone is neither an empty line nor part of one (RFC 9112 2.2)")
  func carriageReturns() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for lead in ["\r", "\r\r\n", "\r\n\r", "\n\r", "\r\r"] {
      #expect(outcome(Array((lead + request).utf8)) == .error(.badRequest(.bareCarriageReturn)))
    }
    for place in request.indices {
      var changed = request
      changed.insert("\r", at: place)
      #expect(outcome(Array(changed.utf8)).isRefused)
    }
    for half in ["\r", "\r\n", "\r\n\r", "\n"] { #expect(outcome(Array(half.utf8)) == .incomplete) }
  }
}

extension FramingTests.Outcome {
  fileprivate var isRefused: Bool {
    if case .error(let error) = self { error.status == 400 } else { false }
  }
}
