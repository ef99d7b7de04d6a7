/// The folder of a demo, told from every other one by a marker: a folder that holds a real CA is never written into.
struct DemoFolder {
  /// In every folder that a demo has made, from before anything else is in it.
  private static let marker = ".avouch-demo"

  let path: String

  /// Makes the folder ours where it is missing or empty.
  ///
  /// - Throws: where it holds something and no demo made it.
  func claim() throws(CommandFailure) {
    try Files.makeFolder(path)
    let names = try Files.list(path, what: "a folder for the demo")
    if names.contains(DemoFolder.marker) { return }
    guard names.isEmpty else {
      throw .no(
        "\(path): this folder is not empty, and no demo made it (it has no \(DemoFolder.marker)); nothing was changed. "
          + "Name another folder with --dir")
    }
    let text = "Made by `avouch demo`: a toy CA. Its keys protect nothing, and this folder may be removed.\n"
    try Files.write(Array(text.utf8), to: path + "/" + DemoFolder.marker)
  }
}
