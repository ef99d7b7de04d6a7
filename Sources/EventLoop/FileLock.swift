import Glibc

/// A file that one process at a time may hold: locked for as long as the object lives, and by the system unlocked with
/// the process, however that ends.
public final class FileLock: Sendable {
  private let descriptor: Int32

  /// - Throws: where another process holds it, with its number, or where the file cannot be made.
  public init(path: String) throws(FileLockError) {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .inaccessible(path: path, reason: Linux.errorText(errno)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let holder = FileLock.number(in: descriptor)
      Linux.close(descriptor)
      throw code == EWOULDBLOCK
        ? .held(path: path, by: holder) : .inaccessible(path: path, reason: Linux.errorText(code))
    }
    let text = Array("\(getpid())\n".utf8)
    ftruncate(descriptor, 0)
    _ = unsafe pwrite(descriptor, text, text.count, 0)
    self.descriptor = descriptor
  }

  /// What tells the locked file from every other one of this machine until it is started anew, wherever it is moved; nil where
  /// the system does not tell. Who holds the lock knows that nobody else with this identity lives.
  public var identity: String? {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, let boot = FileLock.bootIdentity else { return nil }
    return "\(boot):\(status.st_dev):\(status.st_ino)"
  }

  private static let bootIdentity: String? = {
    let file = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { Linux.close(file) }
    var octets = [UInt8](repeating: 0, count: 64)
    let count = unsafe read(file, &octets, octets.count)
    return count >= 36 ? String(decoding: octets[..<36], as: UTF8.self) : nil
  }()

  deinit {
    // The file stays: removing it would let two processes lock two files of one name.
    Linux.close(descriptor)
  }

  private static func number(in descriptor: Int32) -> Int32? {
    var octets = [UInt8](repeating: 0, count: 16)
    let count = unsafe pread(descriptor, &octets, octets.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: octets[..<count].prefix { $0 != 0x0A }, as: UTF8.self))
  }
}

public enum FileLockError: Error, Sendable, Hashable {
  /// Another process holds it; its number, where it could be read.
  case held(path: String, by: Int32?)
  case inaccessible(path: String, reason: String)
}
