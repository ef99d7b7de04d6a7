import EventLoop
import Glibc
import Records

/// A CRL file: whether it has changed, and what is in it.
struct WatchedFile: Sendable {
  /// What differs where the file is another one or was written again.
  struct Version: Sendable, Hashable {
    fileprivate var device: UInt
    fileprivate var inode: UInt
    fileprivate(set) var size: Int
    fileprivate var modifiedSeconds: Int
    fileprivate var modifiedNanoseconds: Int
    fileprivate var changedSeconds: Int
    fileprivate var changedNanoseconds: Int

    fileprivate init(_ status: stat) {
      device = UInt(status.st_dev)
      inode = UInt(status.st_ino)
      size = Int(status.st_size)
      modifiedSeconds = Int(status.st_mtim.tv_sec)
      modifiedNanoseconds = Int(status.st_mtim.tv_nsec)
      changedSeconds = Int(status.st_ctim.tv_sec)
      changedNanoseconds = Int(status.st_ctim.tv_nsec)
    }

    /// Whether it was written so short a time ago. A time to come, from a clock that was ahead, is none.
    func isYounger(thanMilliseconds milliseconds: Int64) -> Bool {
      var now = timespec()
      unsafe clock_gettime(CLOCK_REALTIME, &now)
      let age = (now.tv_sec - modifiedSeconds) * 1000 + (now.tv_nsec - modifiedNanoseconds) / 1_000_000
      return age >= 0 && age < milliseconds
    }
  }

  let path: String

  /// The folder part of the path; `.` for a bare name.
  var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  var name: String { path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }

  /// - Throws: where there is no such file.
  func version() throws(RecordError) -> Version {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw RecordError("\(path): no regular file; a CRL is expected") }
    return Version(status)
  }

  /// What the file holds, and which version of it. The octets are nil where it was written meanwhile.
  ///
  /// - Throws: where it cannot be read, or is larger than may be.
  func read(maximumBytes: Int) throws(RecordError) -> (octets: [UInt8]?, version: Version) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure() }
    defer { Linux.close(descriptor) }
    let before = try version(of: descriptor)
    guard before.size <= maximumBytes else {
      throw RecordError("\(path): \(before.size) octets; crl.maximumSize allows \(maximumBytes)")
    }
    var octets = [UInt8](repeating: 0, count: before.size)
    var filled = 0
    while filled < octets.count {
      let count = unsafe octets.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress.map { unsafe $0 + filled }, $0.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { break }
      filled += count
    }
    let after = try version(of: descriptor)
    let isWhole = filled == octets.count && before == after
    return (isWhole ? octets : nil, before)
  }

  private func version(of descriptor: Int32) throws(RecordError) -> Version {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure() }
    return Version(status)
  }

  private func failure() -> RecordError {
    RecordError("\(path): \(Linux.errorText(errno)); a CRL is expected")
  }
}
