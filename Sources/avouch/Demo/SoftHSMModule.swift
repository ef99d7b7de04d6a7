/// The PKCS#11 module of SoftHSM 2, where distributions put it.
enum SoftHSMModule {
  /// Debian, Alpine and Arch first, then Debian's folders of one architecture, Fedora, Arch once more, and what SoftHSM's
  /// own `make install` does.
  static let paths = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
  ]

  /// The first that is there.
  ///
  /// - Throws: where none is, with the package to install and the places that were looked at.
  static func find() throws(CommandFailure) -> String {
    if let path = paths.first(where: { Files.exists($0) }) { return path }
    throw .no(
      "--hsm softhsm: SoftHSM 2 is not installed; on Debian: apt-get install softhsm2. Its module was looked for at\n  "
        + paths.joined(separator: "\n  "))
  }
}
