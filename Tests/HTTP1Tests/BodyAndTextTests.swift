import CalendarTime
import HTTP1
import TestSupport
import Testing

@Suite("Chunked bodies, base64, dates, conditions")
struct BodyAndTextTests {
  private func decode(_ text: String, pieces: Int = .max, limit: Int = 1000) throws -> (body: String, used: Int)? {
    var decoder = ChunkedDecoder(maximumBytes: limit)
    var body: [UInt8] = []
    let octets = Array(text.utf8)
    var used = 0
    while used < octets.count, !decoder.isDone {
      let piece = Array(octets[used..<min(octets.count, pieces == .max ? octets.count : used + pieces)])
      used += try decoder.decode(piece.span, into: &body)
    }
    return decoder.isDone ? (String(decoding: body, as: UTF8.self), used) : nil
  }

  @Test("chunks in pieces of any size give the same body", arguments: [1, 2, 3, 7, Int.max])
  func chunks(pieces: Int) throws {
    let text = "5;ext=\"a\"\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET"
    let result = try #require(try decode(text, pieces: pieces))
    #expect(result.body == "hello world" && result.used == text.utf8.count - 3)
  }

  @Test("an unfinished body is not done, at every truncation")
  func truncatedChunks() throws {
    let text = "5\r\nhello\r\n0\r\n\r\n"
    for count in 0..<text.utf8.count {
      #expect(try decode(String(decoding: Array(text.utf8)[..<count], as: UTF8.self)) == nil)
    }
  }

  @Test(
    "malformed chunks are refused",
    arguments: [
      "\r\n", "x\r\n", "5 5\n", "5\rhello", "-1\r\n", "5\r\nhelloX\r\n", "0\r\nX\u{0}: a\r\n\r\n",
      "fffffffffffffffffffff\r\n", "3e9\r\n",
    ])
  func badChunks(text: String) {
    #expect(throws: HTTPError.self) { try decode(text) }
  }

  @Test(
    "what could stand for two ends of a chunk or of the body is refused (RFC 9112 7.1)",
    arguments: [
      "5 x", "5 ", "5\t", "5\t;\t x\u{B}", "0x5", "+5", "-5", " 5", "\t5", ";", ";a=b", "5,5", "5.0", "5h", "5\u{0}",
      "5\u{B}",
      "5\r", "5\n", "5\r\r\n", "5\n\r", "5;a\n", "5;a\r", "5;a=\"\r\"", "5;a=\"\n\"", "5;\u{0}", "5;\u{7F}",
    ])
  func chunkSizes(line: String) {
    #expect(throws: HTTPError.badRequest(.chunk)) { try decode("\(line)\r\nhello\r\n0\r\n\r\n") }
    #expect(throws: HTTPError.badRequest(.chunk)) { try decode("\(line)\r\nhello\r\n0\r\n\r\n", pieces: 1) }
  }

  @Test("a size with leading zeros, in either case, and an extension of any text are taken", arguments: ["", "000"])
  func goodSizes(zeros: String) throws {
    for line in ["b", "B", "b;", "b;a", "b;a=b;c", "b ;a", "b\t \t;a", "b; a = \"x;\\\"y\"", "b;\u{E4}"] {
      let result = try #require(try decode("\(zeros)\(line)\r\nhello world\r\n\(zeros)0;x\r\n\r\nrest", limit: 11))
      #expect(result.body == "hello world", "\(line)")
    }
  }

  @Test("chunk data ends with CRLF and nothing else", arguments: ["", "\n", "\r", "\n\r", "\r\r\n", " \r\n", "x\r\n"])
  func dataEnds(end: String) {
    #expect(throws: HTTPError.badRequest(.chunk)) { try decode("5\r\nhello\(end)0\r\n\r\n") }
  }

  @Test("a trailer is a field line, read over and dropped; anything else is refused (RFC 9112 7.1.2)")
  func trailers() throws {
    for good in ["A:", "A: b", "A:b: c", "!#$%&'*+-.^_`|~9: \u{E4}\t", "Content-Length: 5\r\nTransfer-Encoding: x"] {
      #expect(try #require(try decode("1\r\na\r\n0\r\n\(good)\r\n\r\n")).body == "a", "\(good)")
    }
    for bad in [
      "A", "A b", ":", ": b", " A: b", "\tA: b", "A : b", "A\t: b", "A: b\r\n c: d", "A: b\r\n c", "A\u{0}: b",
      "A: \u{0}",
      "A: b\n", "A: b\r", "\nA: b", "\r", "(: b", "\u{E4}: b", "GET / HTTP/1.1",
    ] {
      #expect(throws: HTTPError.badRequest(.chunk), "\(bad)") { try decode("0\r\n\(bad)\r\n\r\n") }
    }
  }

  @Test("endless extensions and trailers are refused")
  func bounds() {
    #expect(throws: HTTPError.self) { try decode("5;" + String(repeating: "a", count: 5000)) }
    #expect(throws: HTTPError.self) { try decode("5" + String(repeating: " ", count: 5000)) }
    #expect(throws: HTTPError.self) { try decode("0\r\n" + String(repeating: "a", count: 5000)) }
    #expect(throws: HTTPError.self) { try decode("0\r\n" + String(repeating: "a: b\r\n", count: 2000)) }
  }

  private func base64(_ text: String, room: Int = 1000) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: room)
    var span = output.mutableSpan
    guard let count = Base64.decodeTarget(Array(text.utf8).span, into: &span) else { return nil }
    return Array(output[..<count])
  }

  @Test("base64 in every spelling that is seen")
  func spellings() {
    var random = SeededGenerator(seed: 4)
    for length in 0..<200 {
      let octets = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = String(decoding: Base64.encode(octets), as: UTF8.self)
      let coded = String(decoding: Base64.encodeForTarget(octets), as: UTF8.self)
      var spellings = [text, coded, coded.lowercasedEscapes, text.filter { $0 != "=" }, text.replacing("+", " ")]
      spellings += [
        text.replacing("+", "-").replacing("/", "_"), coded.replacing("%", "%25"), text.replacing("+", "%20"),
      ]
      spellings.append(text.enumerated().map { $0.offset % 10 == 9 ? "\($0.element)%0D%0A" : "\($0.element)" }.joined())
      spellings.append(text.utf8.map { "%" + String($0, radix: 16) }.joined())
      for spelling in spellings { #expect(base64(spelling) == octets, "\(spelling)") }
      if length > 0 { #expect(base64(text, room: length - 1) == nil) }
    }
  }

  @Test("all 256 octets: those of the alphabets count, line ends are skipped, the others refused")
  func alphabet() {
    let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_ ".utf8)
    for octet in UInt8.min...UInt8.max {
      var output = [UInt8](repeating: 0, count: 10)
      var span = output.mutableSpan
      let count = Base64.decodeTarget([0x41, 0x41, 0x41, octet].span, into: &span)
      switch octet {
      case _ where letters.contains(octet): #expect(count == 3)
      case 0x3D, 0x0D, 0x0A: #expect(count == 2)
      default: #expect(count == nil, "octet \(octet)")
      }
    }
  }

  @Test(
    "what is not base64 is refused",
    arguments: ["A", "AAAAA", "AA=A", "A===", "AAA==", "%", "%4", "%zz", "%25", "AAAA=", "AAAA====", "====", "%2"])
  func notBase64(text: String) {
    #expect(base64(text) == nil)
  }

  @Test("dates are written as RFC 9110 has them, and read in all three forms")
  func dates() throws {
    let time = try #require(UnixTime(iso8601: "1994-11-06T08:49:37Z"))
    let now = try #require(UnixTime(iso8601: "2026-01-01T00:00:00Z"))
    let text = HTTPDate.Text(time)
    #expect(
      String(decoding: text.octets.indices.map { text.octets[$0] }, as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT")
    for form in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
      let octets = Array(form.utf8)
      #expect(HTTPDate.parse(octets.span, in: 0..<octets.count, now: now) == time, "\(form)")
      for count in 0..<octets.count { #expect(HTTPDate.parse(octets.span, in: 0..<count, now: now) == nil) }
    }
    for bad in [
      "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT", "0", "", "Sun, 06 Nov 1994 25:49:37 GMT",
    ] {
      let octets = Array(bad.utf8)
      #expect(HTTPDate.parse(octets.span, in: 0..<octets.count, now: now) == nil, "\(bad)")
    }
  }

  private func isNotModified(_ headers: String, method: String = "GET") throws -> Bool {
    let octets = Array("\(method) / HTTP/1.1\r\nHost: a\r\n\(headers)\r\n\r\n".utf8)
    let head = try #require(try RequestParser.parse(octets.span, limits: .init())).head
    let modified = try #require(UnixTime(iso8601: "2026-01-01T00:00:00Z"))
    return ConditionalRequest.isNotModified(
      head, octets.span, entityTag: Array("abc".utf8).span, lastModified: modified,
      now: modified.advanced(bySeconds: 3600))
  }

  @Test("If-None-Match beats If-Modified-Since; lists, star and weak tags count")
  func conditions() throws {
    for yes in [
      "*", "\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "\"x\",W/\"abc\",\"y\"", "\"x\"\r\nIf-None-Match: \"abc\"",
    ] {
      #expect(try isNotModified("If-None-Match: \(yes)"), "\(yes)")
    }
    for no in ["\"x\"", "abc", "\"abc", "\"ABC\"", "", "\"ab\", \"c\""] {
      #expect(try !isNotModified("If-None-Match: \(no)"), "\(no)")
    }
    #expect(try isNotModified("If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT"))
    #expect(try isNotModified("If-Modified-Since: Thu, 01 Jan 2026 00:10:00 GMT"))
    #expect(try !isNotModified("If-Modified-Since: Wed, 31 Dec 2025 23:59:59 GMT"))
    #expect(try !isNotModified("If-Modified-Since: Fri, 01 Jan 2027 00:00:00 GMT"), "a date in the future")
    #expect(try !isNotModified("If-Modified-Since: yesterday"))
    #expect(try !isNotModified("If-None-Match: \"x\"\r\nIf-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT"))
    #expect(try !isNotModified("If-None-Match: *", method: "POST"))
    #expect(try isNotModified("If-None-Match: *", method: "HEAD"))
  }

  @Test("several lines of tags are one list, and several dates are none (RFC 9110 5.3, 13.1.3)")
  func conditionsOnSeveralLines() throws {
    let since = "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT"
    for dates in ["\(since)\r\n\(since)", "\(since)\r\nX: y\r\nif-modified-since: Thu, 01 Jan 2026 00:10:00 GMT"] {
      #expect(try !isNotModified(dates))
      #expect(try !isNotModified("\(dates)\r\n\(since)"), "three of them")
    }
    #expect(try !isNotModified("\(since), Thu, 01 Jan 2026 00:10:00 GMT"))
    for place in 0..<4 {
      var tags = Array(repeating: "\"x\"", count: 4)
      tags[place] = "W/\"abc\""
      #expect(try isNotModified(tags.map { "If-None-Match: \($0)" }.joined(separator: "\r\nX: y\r\n")), "\(place)")
    }
    #expect(try !isNotModified("If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\n\(since)"))
    #expect(try !isNotModified("If-None-Match: *\r\nIf-None-Match: \"y\""), "a star is no member of a list")
    // Beyond what is kept, the whole answer is always right.
    let many = Array(repeating: "If-None-Match: \"x\"", count: 9) + ["If-None-Match: \"abc\""]
    #expect(try !isNotModified(many.joined(separator: "\r\n")))
  }

  @Test("a response buffer never writes past its end")
  func overflow() {
    var buffer = ResponseBuffer(capacity: 10)
    buffer.append("12345")
    buffer.appendDecimal(678)
    var (count, remaining) = (buffer.count, buffer.remaining)
    #expect(count == 8 && remaining == 2)
    buffer.append([1, 2, 3])
    var isOverflowed = buffer.isOverflowed
    count = buffer.count
    #expect(isOverflowed && count == 8)
    buffer.truncate(to: 5)
    isOverflowed = buffer.isOverflowed
    remaining = buffer.remaining
    #expect(!isOverflowed && remaining == 5)
  }
}

extension String {
  fileprivate func replacing(_ one: Character, _ other: String) -> String {
    map { $0 == one ? other : String($0) }.joined()
  }

  fileprivate var lowercasedEscapes: String {
    replacing("%2B", with: "%2b").replacing("%2F", with: "%2f").replacing("%3D", with: "%3d")
  }

  fileprivate func replacing(_ text: String, with other: String) -> String {
    var result = ""
    var rest = Substring(self)
    while let first = rest.first {
      if rest.hasPrefix(text) {
        result += other
        rest = rest.dropFirst(text.count)
      } else {
        result.append(first)
        rest = rest.dropFirst()
      }
    }
    return result
  }
}

@Suite("Numbers in answers")
struct DecimalTests {
  @Test("every number of digits, at both ends")
  func digits() {
    var numbers = [0, 1, 9, Int(UInt32.max) - 1, Int(UInt32.max), Int(UInt32.max) + 1, .max, 1_000_000_000_000_000_000]
    var power = 10
    for _ in 0..<17 {
      numbers += [power - 1, power, power + 1]
      power *= 10
    }
    for number in numbers {
      var buffer = ResponseBuffer(capacity: 64)
      buffer.appendDecimal(number)
      let text = unsafe buffer.withUnsafeBytes { octets in unsafe String(decoding: octets, as: UTF8.self) }
      #expect(text == "\(number)")
    }
    var buffer = ResponseBuffer(capacity: 64)
    buffer.appendDecimal(-5)
    #expect(buffer.count == 1)
  }
}
