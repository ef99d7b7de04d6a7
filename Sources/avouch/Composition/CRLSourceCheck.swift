import CalendarTime
import Configuration
import EventLoop
import Feeds
import Glibc
import OpenSSLCrypto

/// Whether the CRLs that an issuer's configuration names can be watched. For `config check`; no URL is asked.
struct CRLSourceCheck {
  private(set) var problems: [String] = []
  private(set) var warnings: [String] = []

  init(
    _ issuer: Configuration.Issuer, _ configuration: LoadedConfiguration, certificate: Certificate, now: UnixTime
  ) {
    guard let crl = issuer.crl else { return }
    let key = "\(configuration.path): issuer '\(issuer.name)', crl"
    for source in crl.sources {
      guard case .file(let path) = CRLFeeds.source(source, configuration) else { continue }
      look(at: path, key, maximumBytes: crl.maximumBytes, certificate, now)
    }
    guard let authority = crl.authority.map({ configuration.resolved($0) }) else { return }
    do {
      let file = try Files.read(authority, what: "CA certificates that vouch for https servers")
      _ = try Certificate(file: file, name: authority, allowsChain: true)
    } catch {
      problems.append("\(key).authority: \(error)")
    }
  }

  private mutating func look(
    at path: String, _ key: String, maximumBytes: Int, _ certificate: Certificate, _ now: UnixTime
  ) {
    let folder = Files.folder(of: path)
    guard Files.isFolder(folder) else {
      problems.append("\(key).sources: \(path): there is no folder \(folder) that could be watched")
      return
    }
    guard unsafe access(folder, R_OK | X_OK) == 0 else {
      problems.append("\(key).sources: \(path): the folder \(folder) cannot be read: \(Linux.errorText(errno))")
      return
    }
    guard Files.exists(path) else {
      warnings.append("\(key).sources: \(path): there is no such file yet; it is read when it appears")
      return
    }
    do {
      let file = try Files.read(path, what: "a CRL")
      guard file.count <= maximumBytes else {
        problems.append("\(key).sources: \(path): \(file.count) octets; crl.maximumSize allows \(maximumBytes)")
        return
      }
      let crl = try VerifiedCRL(file: file, name: path, issuer: certificate, now: now, takesDeltas: true)
      warnings += crl.warnings.map { "\(key).sources: \($0)" }
    } catch {
      problems.append("\(key).sources: \(error)")
    }
  }
}
