import Configuration
import EventLoop
import Glibc
import Responder

/// A configuration with the file it came from, against whose folder its paths are resolved.
struct LoadedConfiguration {
  let path: String
  let value: Configuration

  /// - Throws: with every problem of the file, each with the file's name.
  init(path: String) throws(CommandFailure) {
    let octets = try Files.read(path, what: "a configuration")
    self.path = path
    do {
      value = try Configuration(octets, environment: LoadedConfiguration.environment())
    } catch {
      throw .no(error.problems.map { "\(path): \($0)" }.joined(separator: "\n"))
    }
  }

  /// The issuers of a newer reading, what their answers carry and who is to forget them, with everything that only a
  /// start can change as it was.
  init(_ next: LoadedConfiguration, keepingStartOf present: LoadedConfiguration) {
    path = present.path
    var value = present.value
    value.issuers = next.value.issuers
    value.surrogateKeyFields = next.value.surrogateKeyFields
    value.purge = next.value.purge
    self.value = value
  }

  private var folder: String { Files.folder(of: path) }

  /// A path of the configuration as this process has to open it.
  func resolved(_ path: String) -> String { Files.resolve(path, in: folder) }

  var storePath: String { resolved(value.store) }

  /// Threads that sign with keys in memory.
  var signingThreads: Int { value.signingThreads == 0 ? Processors.count : value.signingThreads }

  var surrogateKeyFields: [SurrogateKeyField] {
    value.surrogateKeyFields.compactMap { SurrogateKeyField(rawValue: $0) }
  }

  func listenAddresses() throws(CommandFailure) -> [ListenAddress] {
    var addresses: [ListenAddress] = []
    for (place, text) in value.listen.enumerated() { addresses.append(try address(text, key: "listen[\(place)]")) }
    return addresses
  }

  func controlAddress() throws(CommandFailure) -> ListenAddress {
    try address(value.control, key: "control")
  }

  /// None where no events are received.
  func eventAddresses() throws(CommandFailure) -> [ListenAddress] {
    var addresses: [ListenAddress] = []
    for (place, text) in (value.events?.listen ?? []).enumerated() {
      addresses.append(try address(text, key: "events.listen[\(place)]"))
    }
    return addresses
  }

  /// The issuer of that name.
  func issuer(_ name: String) throws(CommandFailure) -> Configuration.Issuer {
    guard let issuer = value.issuers.first(where: { $0.name == name }) else {
      let known = value.issuers.map(\.name).joined(separator: ", ")
      throw .no("\(path): there is no issuer '\(name)'; there are \(known)")
    }
    return issuer
  }

  private func address(_ text: String, key: String) throws(CommandFailure) -> ListenAddress {
    do {
      let address = try ListenAddress(text)
      guard case .unix(let socket) = address else { return address }
      return try ListenAddress("unix:" + resolved(socket))
    } catch {
      throw .no("\(path): \(key): \(error)")
    }
  }

  private static func environment() -> [String: String] {
    var variables: [String: String] = [:]
    var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = unsafe environ
    while let entry = unsafe next.pointee {
      let text = unsafe String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      unsafe next += 1
    }
    return variables
  }
}
