import Configuration
import Feeds
import OpenSSLCrypto
import Responder

/// What the configuration says of CRLs, as the watcher wants it.
enum CRLFeeds {
  /// - Parameter directory: made from the same configuration: each issuer's number in the store is there.
  static func make(_ configuration: LoadedConfiguration, _ directory: IssuerDirectory) throws -> [CRLFeed] {
    try configuration.value.issuers.compactMap { settings in
      guard let crl = settings.crl,
        let issuer = directory.issuers.issuers.first(where: { $0.name == settings.name && !$0.isRetired })
      else { return nil }
      let path = configuration.resolved(settings.certificate)
      return CRLFeed(
        issuerName: settings.name, storeID: issuer.storeID,
        certificate: try Certificate(file: try Files.read(path, what: "the CA's certificate"), name: path),
        progress: issuer.progress, sources: crl.sources.map { source($0, configuration) },
        intervalSeconds: crl.intervalSeconds, maximumAgeSeconds: crl.maximumAgeSeconds.map { Int64($0) },
        maximumBytes: crl.maximumBytes, authorityPath: crl.authority.map { configuration.resolved($0) })
    }
  }

  static func source(_ text: String, _ configuration: LoadedConfiguration) -> CRLSource {
    CRLSource.isURL(text) ? .url(text) : .file(configuration.resolved(text))
  }
}

extension CRLLog {
  init(_ log: TerminalLog) {
    self.init(info: { log.info($0) }, warning: { log.warning($0) })
  }
}
