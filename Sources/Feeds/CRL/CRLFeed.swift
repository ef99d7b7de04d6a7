public import OpenSSLCrypto
public import Responder

/// Where a CRL comes from.
public enum CRLSource: Sendable, Hashable, CustomStringConvertible {
  /// A path as this process has to open it.
  case file(String)
  /// `http://…` or `https://…`.
  case url(String)

  public static func isURL(_ text: String) -> Bool {
    let start = text.prefix(8).lowercased()
    return start.hasPrefix("http://") || start.hasPrefix("https://")
  }

  public var description: String {
    switch self {
    case .file(let path): path
    case .url(let url): url
    }
  }
}

/// One issuer whose CRLs are watched, as the configuration has it.
public struct CRLFeed: Sendable {
  public var issuerName: String
  public var storeID: StoreIssuerID
  public var certificate: Certificate
  /// Where it is said that its answers are withheld.
  public var progress: IssuerProgress
  public var sources: [CRLSource]
  /// How often URLs are asked.
  public var intervalSeconds: Int
  /// Nil where a CRL may be of any age.
  public var maximumAgeSeconds: Int64?
  /// A larger CRL is refused unread.
  public var maximumBytes: Int
  /// CA certificates that vouch for https servers; nil for those of the system.
  public var authorityPath: String?

  public init(
    issuerName: String, storeID: StoreIssuerID, certificate: Certificate, progress: IssuerProgress,
    sources: [CRLSource], intervalSeconds: Int = 300, maximumAgeSeconds: Int64? = nil,
    maximumBytes: Int = 128 << 20, authorityPath: String? = nil
  ) {
    self.issuerName = issuerName
    self.storeID = storeID
    self.certificate = certificate
    self.progress = progress
    self.sources = sources
    self.intervalSeconds = intervalSeconds
    self.maximumAgeSeconds = maximumAgeSeconds
    self.maximumBytes = maximumBytes
    self.authorityPath = authorityPath
  }
}

/// Where the watcher says what an operator should know. Any thread may call.
public struct CRLLog: Sendable {
  public static let silent = CRLLog(info: { _ in }, warning: { _ in })
  public var info: @Sendable (String) -> Void
  public var warning: @Sendable (String) -> Void

  public init(info: @escaping @Sendable (String) -> Void, warning: @escaping @Sendable (String) -> Void) {
    self.info = info
    self.warning = warning
  }
}
