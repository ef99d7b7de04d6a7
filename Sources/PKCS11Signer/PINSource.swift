import Glibc

/// Where a PIN is kept: never the PIN itself (RFC 7512 2.4 `pin-source`; `env:` is our own).
public enum PINSource: Sendable, Hashable, CustomStringConvertible {
  /// The file's first line.
  case file(String)
  /// A variable of the program's environment.
  case environment(String)

  /// From `file:/path`, `file:///path`, an absolute path, or `env:NAME`.
  public init(_ text: String) throws(PKCS11URIError) {
    // The text is not quoted: people put the PIN itself here.
    let expected = PKCS11URIError("pin-source: expected file:/path, an absolute path, or env:NAME")
    if text.hasPrefix("env:") {
      let name = String(text.dropFirst(4))
      let isName =
        name.utf8.allSatisfy { $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) }
      guard isName, let first = name.utf8.first, !(0x30...0x39).contains(first) else { throw expected }
      self = .environment(name)
      return
    }
    var path = text[...]
    if path.hasPrefix("file://") {
      path = path.dropFirst(7)
    } else if path.hasPrefix("file:") {
      path = path.dropFirst(5)
    }
    guard path.hasPrefix("/"), path.count > 1 else { throw expected }
    self = .file(String(path))
  }

  /// The place, for messages: `the file /etc/avouch/pin`, `the environment variable HSM_PIN`.
  public var description: String {
    switch self {
    case .file(let path): "the file \(path)"
    case .environment(let name): "the environment variable \(name)"
    }
  }

  /// Octets; CK_TOKEN_INFO's ulMaxPinLen is 255 in the largest tokens seen.
  private static let maximumCount = 1024

  /// Reads the PIN and hands it out for the length of one call; it is overwritten behind that.
  ///
  /// - Throws: the place and what is wrong with it; `.giveUp` for the environment, which does not change, and
  ///   `.reopenSlot` for a file, which may be there the next time.
  func withPIN<Result>(_ body: (inout [UInt8]) throws(TokenError) -> Result) throws(TokenError) -> Result {
    var pin: [UInt8]
    switch self {
    case .file(let path): pin = try PINSource.firstLine(path)
    case .environment(let name):
      guard let value = unsafe getenv(name) else {
        throw TokenError("\(self), which should hold the PIN, is not set", .giveUp)
      }
      pin = unsafe Array(UnsafeRawBufferPointer(start: value, count: min(strlen(value), PINSource.maximumCount + 1)))
    }
    defer { unsafe explicit_bzero(&pin, pin.count) }
    guard !pin.isEmpty, pin.count <= PINSource.maximumCount else {
      let finding = pin.isEmpty ? "empty" : "longer than \(PINSource.maximumCount) octets"
      throw TokenError("\(self) should hold the PIN: it is \(finding)", reactionToFlaw)
    }
    return try body(&pin)
  }

  private var reactionToFlaw: ReturnCode.Reaction {
    switch self {
    case .file: .reopenSlot
    case .environment: .giveUp
    }
  }

  private static func firstLine(_ path: String) throws(TokenError) -> [UInt8] {
    // A pipe that nobody writes to would hold up whoever opens it.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(path) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TokenError("\(path): this is no regular file; expected a file with the PIN", .reopenSlot)
    }
    var octets = [UInt8](repeating: 0, count: maximumCount + 2)
    defer { unsafe explicit_bzero(&octets, octets.count) }
    var filled = 0
    while filled < octets.count {
      let count = unsafe octets.withUnsafeMutableBytes { buffer in
        unsafe read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      if count == 0 { break }
      filled += count
    }
    return Array(octets[..<filled].prefix { $0 != 0x0A && $0 != 0x0D })
  }

  private static func unreadable(_ path: String) -> TokenError {
    TokenError("\(path): \(unsafe String(cString: strerror(errno))); expected a file with the PIN", .reopenSlot)
  }
}
