/// The responder's configuration, validated: every value is there and every combination is possible.
public struct Configuration: Sendable {
  /// As written; relative to the configuration file's folder.
  public var store: String
  public var listen: [String]
  public var control: String
  /// 0 is one for each processor.
  public var workers: Int
  public var signingThreads: Int
  public var tokens: Tokens
  public var cacheBytes: Int
  public var limits: Limits
  public var issuers: [Issuer]
  /// Whether it has neither store nor keys.
  public var isEdge: Bool
  /// Nil where the node stands alone.
  public var redis: Redis?
  /// Nil where no events are received.
  public var events: Events?
  /// Names of header fields that hold the surrogate keys of answers.
  public var surrogateKeyFields: [String]
  /// The caches that are told to forget answers.
  public var purge: [Purge]

  /// How keys in tokens are used.
  public struct Tokens: Sendable, Hashable {
    public var sessions: Int
    public var callDeadlineSeconds: Int
    /// Nil for no bound.
    public var renewalsPerSecond: Int?
    /// 0 verifies none, 1 all.
    public var verifyOneIn: Int
  }

  public struct Limits: Sendable, Hashable {
    public var connections: Int
    public var requestHeadBytes: Int
    public var requestBodyBytes: Int
    public var headSeconds: Int
    public var bodySeconds: Int
    public var idleSeconds: Int
    public var writeSeconds: Int
    public var drainSeconds: Int
    public var signingQueue: Int
    public var signingWaitMilliseconds: Int
    public var questionDeadlineSeconds: Int
    public var retryAfterSeconds: Int
    public var certificatesPerRequest: Int
  }

  public struct Issuer: Sendable {
    public var name: String
    public var certificate: String
    /// Under which its answers are asked for, as its certificates have them: `http://host[:port][/path]`.
    public var urls: [String]
    /// PEM files and PKCS#11 URIs; at least one, save at an edge.
    public var keys: [String]
    public var keyPasswordFile: String?
    /// Nil where the CA signs itself.
    public var signerCertificate: String?
    /// Whether answers carry the certificate of their signer; nil for what clients can best deal with.
    public var embedsCertificate: Bool?
    /// Nil for the one that the rules give the key.
    public var digest: String?
    public var isPSS: Bool
    public var isByName: Bool
    public var isPublicProgramme: Bool
    /// Nil for an answer without end.
    public var validitySeconds: Int?
    public var refreshAgeSeconds: Int
    public var maximumAgeSeconds: Int
    /// `unauthorized`, `unknown`, `revoked` or `good`.
    public var unissued: String
    public var presign: [String]
    public var echoesNonce: Bool
    public var refusesSignedRequests: Bool
    public var archiveCutoff: ArchiveCutoff
    /// Nil for ever.
    public var keepExpiredSeconds: Int?
    /// As written; relative to the configuration file's folder.
    public var eventSecretFiles: [String]
    /// Whether the stream of events may speak for it.
    public var takesStream: Bool
    /// Nil where no CRLs are watched.
    public var crl: CRL?
  }

  public enum ArchiveCutoff: Sendable, Hashable {
    case none
    case issuerNotBefore
    case retention(seconds: Int)
  }

  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - octets: the file, JSON5.
  ///   - environment: the process's variables; those that begin with `AVOUCH_` override the file.
  public init(_ octets: [UInt8], environment: [String: String]) throws(ConfigurationError) {
    var root = try JSONValue.parse(octets)
    var problems: [String] = []
    EnvironmentOverrides.apply(environment, to: &root, problems: &problems)
    var reader = SettingsReader()
    reader.read(root)
    problems += reader.problems
    // Rules look at what is there: with a value missing they would only add noise.
    guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
    self.init(reader)
    problems = Rules.problems(self) + RedisRules.problems(reader) + EventRules.problems(self, reader)
    problems += CRLRules.problems(reader) + PurgeRules.problems(self, reader)
    guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
  }

  private init(_ reader: SettingsReader) {
    store = reader.text("store")
    listen = reader.texts("listen")
    control = reader.text("control")
    workers = reader.integer("workers")
    signingThreads = reader.integer("signing.threads")
    let renewals = reader.integer("signing.renewalsPerSecond")
    tokens = Tokens(
      sessions: reader.integer("signing.sessionsPerToken"), callDeadlineSeconds: reader.integer("signing.callDeadline"),
      renewalsPerSecond: renewals == 0 ? nil : renewals, verifyOneIn: reader.integer("signing.verifyOneIn"))
    cacheBytes = reader.integer("cache.memory")
    limits = Limits(reader)
    isEdge = reader.text("role") == "edge"
    redis = reader.texts("redis.nodes").isEmpty ? nil : Redis(reader)
    events = Events(reader)
    surrogateKeyFields = reader.texts("surrogateKeys")
    issuers = reader.paths(.issuers).map { Issuer(reader, at: $0 + ".") }
    purge = reader.paths(.purge).map { Purge(reader, at: $0 + ".") }
  }
}

extension Configuration.Limits {
  init(_ reader: SettingsReader) {
    connections = reader.integer("limits.connections")
    requestHeadBytes = reader.integer("limits.requestHead")
    requestBodyBytes = reader.integer("limits.requestBody")
    headSeconds = reader.integer("limits.headTimeout")
    bodySeconds = reader.integer("limits.bodyTimeout")
    idleSeconds = reader.integer("limits.idleTimeout")
    writeSeconds = reader.integer("limits.writeTimeout")
    drainSeconds = reader.integer("limits.drainTimeout")
    signingQueue = reader.integer("limits.signingQueue")
    signingWaitMilliseconds = reader.integer("limits.signingWait")
    questionDeadlineSeconds = reader.integer("limits.questionDeadline")
    retryAfterSeconds = reader.integer("limits.retryAfter")
    certificatesPerRequest = reader.integer("limits.certificatesPerRequest")
  }
}

extension Configuration.Issuer {
  init(_ reader: SettingsReader, at path: String) {
    name = reader.text(path + "name")
    certificate = reader.text(path + "certificate")
    urls = reader.texts(path + "urls")
    keys = reader.texts(path + "signer.key")
    keyPasswordFile = reader.optionalText(path + "signer.keyPasswordFile")
    signerCertificate = reader.optionalText(path + "signer.certificate")
    embedsCertificate = ["always": true, "never": false][reader.text(path + "signer.embedCertificate")]
    let digest = reader.text(path + "signer.digest")
    self.digest = digest == "auto" ? nil : digest
    isPSS = reader.text(path + "signer.padding") == "pss"
    isByName = reader.text(path + "responderID") == "byName"
    isPublicProgramme = reader.boolean(path + "publicProgramme")
    validitySeconds = reader.optionalInteger(path + "validity")
    // An answer without end is renewed like one of a week.
    let validity = validitySeconds ?? 7 * 86_400
    refreshAgeSeconds = reader.optionalInteger(path + "refreshAge") ?? Rules.standardRefreshAge(validity: validity)
    maximumAgeSeconds = reader.integer(path + "maxAge")
    unissued = reader.text(path + "unissued")
    presign = reader.texts(path + "presign")
    echoesNonce = reader.text(path + "nonce") == "echo"
    refusesSignedRequests = reader.text(path + "requestSignatures") == "refuse"
    switch reader.word(path + "archiveCutoff") {
    case "issuer": archiveCutoff = .issuerNotBefore
    case "none": archiveCutoff = .none
    default: archiveCutoff = .retention(seconds: reader.integer(path + "archiveCutoff"))
    }
    keepExpiredSeconds = reader.optionalInteger(path + "keepExpired")
    eventSecretFiles = reader.texts(path + "events.secretFiles")
    takesStream = reader.boolean(path + "events.stream")
    crl = reader.texts(path + "crl.sources").isEmpty ? nil : CRL(reader, at: path + "crl.")
  }
}

extension SettingsReader {
  func text(_ path: String) -> String { optionalText(path) ?? "" }
  func integer(_ path: String) -> Int { optionalInteger(path) ?? 0 }

  func optionalText(_ path: String) -> String? {
    if case .text(let text)? = values[path] { text } else { nil }
  }

  func optionalInteger(_ path: String) -> Int? {
    if case .integer(let number)? = values[path] { number } else { nil }
  }

  func word(_ path: String) -> String? {
    if case .word(let word)? = values[path] { word } else { nil }
  }

  func boolean(_ path: String) -> Bool {
    if case .boolean(let flag)? = values[path] { flag } else { false }
  }

  func texts(_ path: String) -> [String] {
    if case .texts(let texts)? = values[path] { texts } else { [] }
  }
}
