import CLinux
import Glibc

/// Tells when something appears or is finished in folders: inotify. Belongs to one thread.
public final class FolderWatch {
  public struct Change: Sendable, Hashable {
    public var folder: String
    /// What has changed in it; empty for the folder itself.
    public var name: String
    /// Whether it is there as a whole: its writer has closed it, or it was moved to its place. False where it was only made.
    public var isFinished: Bool
  }

  /// For an epoll: readable when `changed` has something to say.
  public let descriptor: Int32
  private var folders: [Int32: String] = [:]
  private var buffer = [UInt8](repeating: 0, count: 16 << 10)

  public init() throws(SystemCallError) {
    descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    guard descriptor >= 0 else { throw SystemCallError(call: "inotify_init1", code: errno) }
  }

  deinit {
    Linux.close(descriptor)
  }

  public var watched: Set<String> { Set(folders.values) }

  public func isWatching(_ folder: String) -> Bool { folders.values.contains(folder) }

  /// From here on the folder is told of. Throws where there is none, or no watch is left (fs.inotify.max_user_watches).
  public func add(_ folder: String) throws(SystemCallError) {
    guard !isWatching(folder) else { return }
    let mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR
    let number = unsafe inotify_add_watch(descriptor, folder, UInt32(mask))
    guard number >= 0 else { throw SystemCallError(call: "inotify_add_watch", code: errno) }
    folders[number] = folder
  }

  public func remove(_ folder: String) {
    for (number, path) in folders where path == folder {
      inotify_rm_watch(descriptor, number)
      folders[number] = nil
    }
  }

  /// What has changed since the last call, each once; does not wait. Nil where events were lost: then it may be anything. A
  /// folder that is gone is told of once, and watched no more.
  public func changes() -> Set<Change>? {
    var found: Set<Change> = []
    var hasLost = false
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      for event in events(count) {
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { hasLost = true }
        guard let folder = folders[event.watch] else { continue }
        let isFinished = event.mask & UInt32(IN_CLOSE_WRITE | IN_MOVED_TO) != 0
        found.insert(Change(folder: folder, name: event.name, isFinished: isFinished))
        if event.mask & UInt32(IN_IGNORED) != 0 { folders[event.watch] = nil }
      }
    }
    return hasLost ? nil : found
  }

  /// The events in the buffer: inotify_event is four numbers of 32 bits, and a name that is filled up with zeros.
  private func events(_ count: Int) -> [(watch: Int32, mask: UInt32, name: String)] {
    var events: [(watch: Int32, mask: UInt32, name: String)] = []
    unsafe buffer.withUnsafeBytes { octets in
      var position = 0
      while position + 16 <= count {
        let watch = unsafe octets.loadUnaligned(fromByteOffset: position, as: Int32.self)
        let mask = unsafe octets.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
        let end = unsafe position + 16 + Int(octets.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self))
        let name = unsafe octets[(position + 16)..<min(end, count)].prefix { $0 != 0 }
        events.append((watch, mask, unsafe String(decoding: name, as: UTF8.self)))
        position = end
      }
    }
    return events
  }
}
