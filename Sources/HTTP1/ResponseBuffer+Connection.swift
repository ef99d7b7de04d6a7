extension ResponseBuffer {
  /// The Connection field that an answer needs (RFC 9112 9.3): none where HTTP/1.1 stays open.
  public mutating func appendConnection(keepsAlive: Bool, minorVersion: UInt8) {
    if !keepsAlive {
      append("Connection: close\r\n")
    } else if minorVersion == 0 {
      append("Connection: keep-alive\r\n")
    }
  }
}
