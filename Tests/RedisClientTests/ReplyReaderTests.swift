import Testing

@testable import RedisClient

@Suite struct ReplyReaderTests {
  private static let stream = Array(
    ("+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
      + "*3\r\n:1\r\n*2\r\n+a\r\n*1\r\n$-1\r\n-ERR in\r\n").utf8)
  private static let values: [RedisValue] = [
    .simple("OK"), .error("ERR no"), .integer(-7), .bulk(Array("a\r\nbc".utf8)), .bulk([]), .null, .null, .array([]),
    .array([.integer(1), .array([.simple("a"), .array([.null])]), .error("ERR in")]),
  ]

  private func read(_ reader: ReplyReader, _ octets: [UInt8]) throws -> [RedisValue] {
    try unsafe octets.withUnsafeBytes { try unsafe reader.feed($0) }
    var values: [RedisValue] = []
    while let value = try reader.next() { values.append(value) }
    return values
  }

  @Test(arguments: 1...40)
  func aStreamMayComeInAnyPieces(_ size: Int) throws {
    let reader = ReplyReader(maximumReplyOctets: 64)
    var values: [RedisValue] = []
    var rest = ReplyReaderTests.stream[...]
    for _ in 0..<3 {
      rest = ReplyReaderTests.stream[...]
      while !rest.isEmpty {
        values += try read(reader, Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
    }
    #expect(values == ReplyReaderTests.values + ReplyReaderTests.values + ReplyReaderTests.values)
  }

  @Test(arguments: ["hello\r\n", "$x\r\n", "*99999999999999\r\n", "!3\r\nabc\r\n"])
  func whatIsNoRESPIsAnError(_ text: String) {
    #expect(throws: ReplyReader.Failure.self) { try read(ReplyReader(maximumReplyOctets: 1000), Array(text.utf8)) }
  }

  @Test func aReplyMayHaveAsManyOctetsAsAllowedAndNoMore() throws {
    let reply = Array("$10\r\n0123456789\r\n".utf8)
    let reader = ReplyReader(maximumReplyOctets: reply.count)
    #expect(try read(reader, reply + reply + reply.dropLast()).count == 2)
    #expect(try read(reader, [10]).count == 1)
    #expect(throws: ReplyReader.Failure.self) {
      try read(ReplyReader(maximumReplyOctets: reply.count - 1), reply)
    }
    // Without waiting for its end.
    #expect(throws: ReplyReader.Failure.self) {
      try read(ReplyReader(maximumReplyOctets: 100), Array("$1000\r\n".utf8) + [UInt8](repeating: 1, count: 100))
    }
  }

  @Test func anArrayIsRefusedBeforeMemoryIsTaken() {
    #expect(throws: ReplyReader.Failure.self) {
      try read(ReplyReader(maximumReplyOctets: 3000), Array("*2000000000\r\n".utf8))
    }
  }

  @Test func aReaderMayEndInTheMiddle() throws {
    let reader = ReplyReader(maximumReplyOctets: 1000)
    #expect(try read(reader, Array("*2\r\n*2\r\n$3\r\nabc\r\n".utf8)).isEmpty)
  }

  @Test func commandsAreArraysOfBulkStrings() {
    let octets = CommandEncoding.octets(of: [Array("SET".utf8), [0, 13, 10, 255], []])
    #expect(octets == Array("*3\r\n$3\r\nSET\r\n$4\r\n".utf8) + [0, 13, 10, 255] + Array("\r\n$0\r\n\r\n".utf8))
    #expect(CommandEncoding.octets(of: [[]]) == Array("*1\r\n$0\r\n\r\n".utf8))
  }
}
