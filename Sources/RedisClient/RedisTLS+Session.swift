import TLS

extension TLSSession {
  /// A client's session, from files that are read for each connection, so that changed ones count.
  ///
  /// - Parameter host: what the certificate must be for, save where the settings name another.
  convenience init(_ settings: RedisTLS, host: String) throws(TLSFailure) {
    let context = try ClientTLSContext(
      authorityFile: settings.authorityFile, certificateFile: settings.certificateFile, keyFile: settings.keyFile)
    try self.init(context, server: settings.serverName ?? host)
  }
}
