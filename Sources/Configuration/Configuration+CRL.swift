extension Configuration.Issuer {
  /// Where an issuer's CRLs are watched.
  public struct CRL: Sendable, Hashable {
    /// Paths as written, relative to the configuration file's folder, and URLs; at least one.
    public var sources: [String]
    public var intervalSeconds: Int
    /// Nil where a CRL may be of any age.
    public var maximumAgeSeconds: Int?
    public var maximumBytes: Int
    /// Nil for the authorities of the system.
    public var authority: String?
  }
}

extension Configuration.Issuer.CRL {
  init(_ reader: SettingsReader, at path: String) {
    sources = reader.texts(path + "sources")
    intervalSeconds = reader.integer(path + "interval")
    maximumAgeSeconds = reader.optionalInteger(path + "maximumAge")
    maximumBytes = reader.integer(path + "maximumSize")
    authority = reader.optionalText(path + "authority")
  }
}
