import Glibc
import PKCS11Signer

/// Reading and writing whole files, with errors that name the file.
enum Files {
  /// The octets of a regular file.
  ///
  /// - Parameter what: what the file should be, for the message: `the CA certificate`.
  static func read(_ path: String, what: String) throws(CommandFailure) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, what) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure(path, what) }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw .no("\(path): \(what) is expected here, and this is a folder")
    }
    // One octet of room behind the end, so that a file that grows or has no size (a pipe) is read to its end, and one that
    // has the size it says is not copied into a larger array for that.
    var octets = [UInt8](repeating: 0, count: Int(status.st_size) + 1)
    var filled = 0
    while true {
      if filled == octets.count { octets += [UInt8](repeating: 0, count: max(4096, octets.count / 4)) }
      let count = unsafe octets.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, what) }
      if count == 0 { break }
      filled += count
    }
    octets.removeLast(octets.count - filled)
    return octets
  }

  /// Writes a file in one step: a reader sees the old one or the new one, never half of it.
  ///
  /// - Parameters:
  ///   - isSecret: readable for its owner alone.
  ///   - replaces: false refuses, with the file as it was, where there is one of that name.
  static func write(
    _ octets: [UInt8], to path: String, isSecret: Bool = false, replaces: Bool = true
  ) throws(CommandFailure) {
    let temporary = path + ".new"
    // One that was left behind would keep its own mode, and may be a link to somewhere else.
    unsafe unlink(temporary)
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, isSecret ? 0o600 : 0o644)
    guard descriptor >= 0 else { throw failure(temporary, "a file to write") }
    var rest = octets[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let error = failure(temporary, "a file to write")
        close(descriptor)
        throw error
      }
      rest = rest.dropFirst(count)
    }
    close(descriptor)
    if replaces {
      guard unsafe rename(temporary, path) == 0 else { throw failure(path, "a file to write") }
      return
    }
    let isLinked = unsafe link(temporary, path) == 0
    let error = failure(path, "no file of this name")
    unsafe unlink(temporary)
    guard isLinked else { throw error }
  }

  /// A warning where others than its owner may read a file that is to be secret.
  static func exposure(_ path: String) -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & 0o077 != 0 else { return nil }
    let mode = String(status.st_mode & 0o777, radix: 8)
    return "\(path): its mode is \(mode), so that others than its owner may get at it; 600 is expected"
  }

  static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Makes a folder where there is none.
  ///
  /// - Parameter isSecret: open to its owner alone.
  static func makeFolder(_ path: String, isSecret: Bool = false) throws(CommandFailure) {
    guard unsafe mkdir(path, isSecret ? 0o700 : 0o755) == 0 || errno == EEXIST else {
      throw failure(path, "a folder to make")
    }
  }

  /// The absolute path, without links, of what is there.
  static func absolute(_ path: String) throws(CommandFailure) -> String {
    guard let real = unsafe realpath(path, nil) else { throw failure(path, "something that is there") }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  /// The names in a folder, sorted.
  ///
  /// - Parameter what: what the folder should be, for the message.
  static func list(_ path: String, what: String) throws(CommandFailure) -> [String] {
    guard let folder = unsafe opendir(path) else { throw failure(path, what) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The folder part of a path; `.` for a bare name.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// `path` as seen from `folder`, unless it is absolute.
  static func resolve(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") || folder == "." ? path : folder + "/" + path
  }

  private static func failure(_ path: String, _ what: String) -> CommandFailure {
    // The message may go elsewhere than to the terminal, and the path may be a URI that nobody took for one.
    let reason = unsafe String(cString: strerror(errno))
    return .no("\(PINRedaction.redacted(path)): \(reason); expected \(what)")
  }
}
