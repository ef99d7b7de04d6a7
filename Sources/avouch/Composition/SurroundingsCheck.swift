import Configuration
import EventLoop
import Glibc
import TLS

/// Whether the machine lets a configuration be served: its addresses, and the folder of its store. For `config check`, which
/// opens nothing; what it finds, `serve` would stumble over.
struct SurroundingsCheck {
  private(set) var problems: [String] = []
  private(set) var warnings: [String] = []
  private let path: String

  init(_ configuration: LoadedConfiguration) throws(CommandFailure) {
    path = configuration.path
    let listen = try configuration.listenAddresses()
    let control = try configuration.controlAddress()
    lookAt(listen, try configuration.eventAddresses(), control)
    try lookAtSecrets(configuration)
    if !configuration.value.isEdge { lookAtStore(configuration.storePath) }
  }

  private mutating func lookAt(_ listen: [ListenAddress], _ events: [ListenAddress], _ control: ListenAddress) {
    var all = listen.enumerated().map { (key: "listen[\($0.offset)]", address: $0.element) }
    all += events.enumerated().map { (key: "events.listen[\($0.offset)]", address: $0.element) }
    all.append((key: "control", address: control))
    for (place, one) in all.enumerated() {
      for other in all[..<place] where one.address.overlaps(other.address) {
        problems.append("\(path): \(one.key): \(one.address) is taken by \(other.key), \(other.address)")
      }
      if case .unix(let socket) = one.address { expectFolder(of: socket, key: one.key) }
    }
    if !control.isLocal {
      warnings.append(
        "\(path): control: \(control) can be reached from other machines, and asks nobody who he is; name a Unix socket or "
          + "a loopback address")
    }
  }

  private mutating func lookAtSecrets(_ configuration: LoadedConfiguration) throws(CommandFailure) {
    if let tls = configuration.value.events?.tls {
      warnings += try OriginEvents.context(tls, configuration).warnings
    }
    _ = try PurgeParties.caches(configuration)
    warnings += configuration.value.purge.compactMap(\.secretFile).compactMap {
      Files.exposure(configuration.resolved($0))
    }
    for issuer in configuration.value.issuers {
      _ = try EventParties.secrets(of: issuer, configuration)
      warnings += issuer.eventSecretFiles.compactMap { Files.exposure(configuration.resolved($0)) }
    }
  }

  private mutating func lookAtStore(_ store: String) {
    guard expectFolder(of: store, key: "store"), Files.exists(store) else { return }
    if unsafe access(store, R_OK | W_OK) != 0 {
      problems.append("\(path): store: \(store): \(unsafe String(cString: strerror(errno)))")
    }
  }

  /// Whether files can be made in the folder of `file`: SQLite has its log beside the store.
  @discardableResult
  private mutating func expectFolder(of file: String, key: String) -> Bool {
    let folder = Files.folder(of: file)
    guard unsafe access(folder, W_OK | X_OK) != 0 else { return true }
    let reason = unsafe String(cString: strerror(errno))
    problems.append("\(path): \(key): no file can be made in the folder \(folder): \(reason)")
    return false
  }
}
