import EventLoop

/// The demo's avouch.json5: written where nobody has edited it, used as it is where somebody has.
struct DemoConfiguration {
  let path: String
  let key: DemoResponderKey

  /// Whether it is as a demo writes it, whatever the port, and wherever the folder was then.
  private func isUnedited(_ text: String) -> Bool {
    let parts = DemoConfiguration.text(port: "\0", key: "\0").split(separator: "\0")
    guard parts.count == 3, text.hasPrefix(parts[0]), text.hasSuffix(parts[2]) else { return false }
    let values = text.dropFirst(parts[0].count).dropLast(parts[2].count)
    guard let between = values.firstRange(of: parts[1]) else { return false }
    let port = values[..<between.lowerBound]
    return !port.isEmpty && port.allSatisfy { $0.isASCII && $0.isNumber }
      && key.wrote(String(values[between.upperBound...]))
  }

  /// Puts the port and the key into the file.
  ///
  /// - Parameter port: nil for 8080, or for what an edited file says.
  /// - Throws: where the file has been edited and listens elsewhere than on the port that is asked for; it stays as it is.
  func prepare(port: Int?) throws(CommandFailure) {
    guard Files.exists(path) else { return try write(port: port) }
    let held = String(decoding: try Files.read(path, what: "the demo's configuration"), as: UTF8.self)
    if isUnedited(held) { return try write(port: port) }
    if let port {
      let addresses = try LoadedConfiguration(path: path).listenAddresses()
      guard addresses.contains(where: { $0.port == UInt16(port) }) else {
        throw .no(
          "\(path): this file has been edited and does not listen on port \(port); nothing was changed. Write the port "
            + "into its 'listen', leave --port out, or remove the file to have it made anew")
      }
    }
    Terminal.print("using \(path) as it has been edited; remove it to have it made anew")
  }

  /// Refuses where a demo runs, before anything of it is made anew: it would go on with what was there before.
  static func expectNobody(at path: String) throws(CommandFailure) {
    // One that is missing or cannot be read serves nobody; what is wrong with it is told where it is used.
    guard Files.exists(path), let loaded = try? LoadedConfiguration(path: path),
      let control = try? ControlClient(loaded),
      control.isSomebodyThere
    else { return }
    throw .no(
      "\(path): a responder with this configuration is running already; nothing was changed. End it first (Ctrl-C where "
        + "it runs), or name another folder with --dir")
  }

  private func write(port: Int?) throws(CommandFailure) {
    try Files.write(Array(DemoConfiguration.text(port: "\(port ?? 8080)", key: key.setting).utf8), to: path)
  }

  private static func text(port: String, key: String) -> String {
    """
    // Made by `avouch demo`. docs/configuration.md has every key.
    {
      store: "avouch.sqlite",
      listen: ["127.0.0.1:\(port)"],
      control: "unix:avouch.control",
      cache: { memory: "16MiB" },
      issuers: [
        {
          name: "\(DemoAuthority.issuerName)",
          certificate: "ca.pem",
          signer: { certificate: "responder.pem", key: "\(key)" },
          // The default is "unauthorized": no signature for serials that nobody issued.
          unissued: "unknown",
          // One of the certificates is on hold, which no public programme allows.
          publicProgramme: false,
        },
      ],
    }

    """
  }
}
