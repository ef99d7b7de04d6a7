import HTTP1

extension ResponseBuffer {
  /// The answer to a request that is none: a line of text, and the end of the connection.
  ///
  /// - Parameter isHead: whether it answers a HEAD: then the line is left out, and Content-Length says how long it
  ///   would have been (RFC 9110 9.3.2).
  mutating func append(_ error: HTTPError, isHead: Bool, turn: Turn) {
    append("HTTP/1.1 ")
    appendDecimal(error.status)
    append(" ")
    append(error.reason)
    append("\r\nContent-Type: text/plain\r\nContent-Length: ")
    appendDecimal(error.explanation.utf8CodeUnitCount + 1)
    append("\r\nDate: ")
    append(turn.date)
    append("\r\nCache-Control: no-store\r\n")
    if error == .tooManyConnections { append("Retry-After: 1\r\n") }
    append("Connection: close\r\n\r\n")
    if isHead { return }
    append(error.explanation)
    append("\n")
  }
}
