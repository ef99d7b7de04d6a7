import HTTP1

/// Takes one HTTP answer off what a connection has received.
enum AnswerFrame {
  /// How far an answer has come.
  enum Progress: Sendable, Hashable {
    /// More has to come. What is known of the head so far says whether the end of the connection ends it well.
    case incomplete(endsWithConnection: Bool)
    /// A whole answer: where its body lies in what was received, or in the decoder's array for one that came in chunks, and how
    /// many octets it took in all.
    case whole(ResponseHead, body: Range<Int>, isDecoded: Bool, count: Int)
    case wrong(ResponseHead.Problem)
  }

  /// Octets that an answer may have, head and all. No OCSP answer comes near.
  static let maximumBytes = 128 << 10

  /// - Parameters:
  ///   - octets: what has come, from the beginning of an answer.
  ///   - isAtEnd: the server has closed.
  ///   - decoded: takes the body of an answer in chunks; its memory is used again and again.
  static func next(_ octets: Span<UInt8>, isAtEnd: Bool, decoded: inout [UInt8]) -> Progress {
    var start = 0
    do throws(ResponseHead.Problem) {
      while true {
        let rest = octets.extracting(start..<octets.count)
        guard !rest.isEmpty, let head = try ResponseHead.parse(rest) else {
          return .incomplete(endsWithConnection: false)
        }
        start += head.count
        // Answers that only announce another one (RFC 9110 15.2).
        if head.status >= 200 { return body(head, octets, start, isAtEnd, &decoded) }
        if head.status == 101 { return .wrong(.notHTTP) }
      }
    } catch {
      return .wrong(error)
    }
  }

  private static func body(
    _ head: ResponseHead, _ octets: Span<UInt8>, _ start: Int, _ isAtEnd: Bool, _ decoded: inout [UInt8]
  ) -> Progress {
    switch head.body {
    case .none: return .whole(head, body: start..<start, isDecoded: false, count: start)
    case .length(let length):
      guard length <= maximumBytes else { return .wrong(.tooLong) }
      guard octets.count - start >= length else { return .incomplete(endsWithConnection: false) }
      return .whole(head, body: start..<start + length, isDecoded: false, count: start + length)
    case .untilClose:
      guard octets.count - start <= maximumBytes else { return .wrong(.tooLong) }
      guard isAtEnd else { return .incomplete(endsWithConnection: true) }
      return .whole(head, body: start..<octets.count, isDecoded: false, count: octets.count)
    case .chunked:
      var decoder = ChunkedDecoder(maximumBytes: maximumBytes)
      decoded.removeAll(keepingCapacity: true)
      do {
        let used = try decoder.decode(octets.extracting(start..<octets.count), into: &decoded)
        guard decoder.isDone else { return .incomplete(endsWithConnection: false) }
        return .whole(head, body: 0..<decoded.count, isDecoded: true, count: start + used)
      } catch {
        return .wrong(error == .bodyTooLarge ? .tooLong : .notHTTP)
      }
    }
  }
}
