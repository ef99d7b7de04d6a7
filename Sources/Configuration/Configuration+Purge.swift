extension Configuration {
  /// A cache that is told to forget answers.
  public struct Purge: Sendable, Hashable {
    public enum Driver: String, Sendable, Hashable, CaseIterable {
      case varnish, nginx, fastly, cloudflare, akamai, http
    }

    /// By which forms of URL an answer is fetched through the cache after its purge.
    public enum Check: String, Sendable, Hashable {
      /// The forms that clients use most.
      case common
      case all
      case none
    }

    /// A header field, with placeholders in its value.
    public struct Field: Sendable, Hashable {
      public var name: String
      public var value: String
    }

    /// The request of the driver `http`, with placeholders: `{url}`, `{encodedURL}`, `{host}`, `{target}`, `{key}`,
    /// `{issuer}`, `{serial}`, and `{secret}` in header fields.
    public struct Template: Sendable, Hashable {
      public var method: String
      public var url: String
      public var headers: [Field]
      public var body: String?
    }

    public var name: String
    public var driver: Driver
    /// Whether the certificate's surrogate key is purged; else every form of URL.
    public var isByKey: Bool
    /// `http://host[:port]` or `https://host[:port]`; a path behind it for varnish and nginx alone. Always there for varnish and nginx; nil where a
    /// provider's own API is meant.
    public var endpoint: String?
    /// Letters, digits, `_` and `-`.
    public var service: String?
    /// As written; relative to the configuration file's folder.
    public var secretFile: String?
    /// Whether Akamai's staging network is meant.
    public var isStaging: Bool
    /// There for the driver `http`, and for no other.
    public var request: Template?
    /// As written; nil for the authorities of the system.
    public var authority: String?
    public var connections: Int
    public var timeoutSeconds: Int
    /// Nil where a purge is not repeated.
    public var repeatAfterSeconds: Int?
    public var check: Check
    /// `http://host[:port]` as written; nil for `endpoint` with varnish and nginx, and for the URL's own host with the
    /// others.
    public var checkAt: String?

    /// Whether it needs the URLs under which answers are asked for.
    public var needsURLs: Bool { !isByKey || check != .none }
  }
}

extension Configuration.Purge {
  init(_ reader: SettingsReader, at path: String) {
    name = reader.text(path + "name")
    driver = Driver(rawValue: reader.text(path + "driver")) ?? .http
    isByKey = reader.text(path + "by") == "key"
    endpoint = reader.optionalText(path + "endpoint")
    service = reader.optionalText(path + "service")
    secretFile = reader.optionalText(path + "secretFile")
    isStaging = reader.text(path + "network") == "staging"
    request = driver == .http ? Template(reader, at: path + "request.") : nil
    authority = reader.optionalText(path + "authority")
    connections = reader.integer(path + "connections")
    timeoutSeconds = reader.integer(path + "timeout")
    repeatAfterSeconds = reader.optionalInteger(path + "repeatAfter")
    check = Check(rawValue: reader.text(path + "check")) ?? .common
    checkAt = reader.optionalText(path + "checkAt")
  }
}

extension Configuration.Purge.Template {
  init(_ reader: SettingsReader, at path: String) {
    method = reader.optionalText(path + "method") ?? "POST"
    url = reader.text(path + "url")
    // What is no field is told of by the rules.
    headers = reader.texts(path + "headers").compactMap { Configuration.Purge.Field($0) }
    body = reader.optionalText(path + "body")
  }
}

extension Configuration.Purge.Field {
  /// Nil for anything but `Name: value`.
  init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"), HTTPText.isToken(text[..<colon]) else { return nil }
    let rest = text[text.index(after: colon)...]
    guard !HTTPText.hasControls(rest) else { return nil }
    name = String(text[..<colon])
    value = HTTPText.trimmed(rest)
  }
}
