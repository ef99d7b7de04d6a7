/// The folder of a demo, told from every other one by a marker: a folder that holds a real CA is never written into.
struct DemoFolder {
  /// Where the key of the demo's responder lies. A folder keeps to one of them.
  enum Kind {
    case keyFile
    case softHSM

    /// How such a demo is started.
    var command: String {
      switch self {
      case .keyFile: "avouch demo"
      case .softHSM: "avouch demo --hsm softhsm"
      }
    }
  }

  /// In every folder that a demo has made, from before anything else is in it. It says which kind of demo.
  private static let marker = ".avouch-demo"

  let path: String

  /// Makes the folder ours where it is missing or empty.
  ///
  /// - Throws: where it holds something and no demo made it, or a demo of the other kind did.
  func claim(for kind: Kind) throws(CommandFailure) {
    try Files.makeFolder(path)
    let names = try Files.list(path, what: "a folder for the demo")
    if names.contains(DemoFolder.marker) { return try expect(kind) }
    // A marker that was not finished is as good as none.
    guard names.allSatisfy({ $0 == DemoFolder.marker + ".new" }) else {
      throw .no(
        "\(path): this folder is not empty, and no demo made it (it has no \(DemoFolder.marker)); nothing was changed. "
          + "Name another folder with --dir")
    }
    let text = "Made by `\(kind.command)`: a toy CA. Its keys protect nothing, and this folder may be removed.\n"
    try Files.write(Array(text.utf8), to: markerPath)
  }

  /// The error for a file without which a demo that was complete cannot go on.
  static func gone(_ path: String) -> CommandFailure {
    .no("\(path): this file of the demo is gone; remove the folder, or name another")
  }

  private var markerPath: String { path + "/" + DemoFolder.marker }

  private func expect(_ kind: Kind) throws(CommandFailure) {
    let text = String(decoding: try Files.read(markerPath, what: "the marker of a demo"), as: UTF8.self)
    let found = text.contains("`\(Kind.softHSM.command)`") ? Kind.softHSM : .keyFile
    guard found != kind else { return }
    let place =
      switch found {
      case .keyFile: "in the file responder.key"
      case .softHSM: "in a SoftHSM token"
      }
    throw .no(
      "\(path): the demo in this folder has its responder's key \(place); nothing was changed. Start it with "
        + "`\(found.command)`, name another folder with --dir, or remove this one")
  }
}
