import EventLoop
import Foundation
import Glibc
import Testing

@Suite("Folder watch")
struct FolderWatchTests {
  private func use(_ body: (FolderWatch, String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString.prefix(8))")
      .path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let watch = try FolderWatch()
    try watch.add(folder)
    try body(watch, folder)
  }

  /// inotify has every event ready when the call that made it returns.
  private func expect(
    _ watch: FolderWatch, _ wanted: [String: Bool], place: SourceLocation = #_sourceLocation
  ) throws {
    let changes = try #require(watch.changes(), sourceLocation: place)
    let found = Dictionary(changes.map { ($0.name, $0.isFinished) }, uniquingKeysWith: { $0 || $1 })
    #expect(found == wanted, sourceLocation: place)
  }

  @Test("a file is begun when it is made, and finished when its writer closes it or it is moved to its place")
  func files() throws {
    try use { watch, folder in
      try expect(watch, [:])
      let descriptor = unsafe open(folder + "/a", O_WRONLY | O_CREAT, 0o600)
      try expect(watch, ["a": false])
      #expect(unsafe write(descriptor, "x", 1) == 1)
      try expect(watch, [:])
      close(descriptor)
      try expect(watch, ["a": true])
      #expect(unsafe rename(folder + "/a", folder + "/b c") == 0)
      try expect(watch, ["b c": true])
      #expect(unsafe symlink("b c", folder + "/link") == 0)
      try expect(watch, ["link": false])
    }
  }

  @Test("a folder that is gone is told of once, and can be watched again when it is back")
  func goneFolder() throws {
    try use { watch, folder in
      let inner = folder + "/inner"
      #expect(throws: SystemCallError.self) { try watch.add(inner) }
      #expect(unsafe mkdir(inner, 0o700) == 0)
      try watch.add(inner)
      _ = watch.changes()
      #expect(watch.watched == [folder, inner])
      #expect(unsafe rmdir(inner) == 0)
      let gone = try #require(watch.changes()).filter { $0.folder == inner }
      #expect(gone.count == 1 && gone.first?.name == "" && !watch.isWatching(inner))
      #expect(unsafe mkdir(inner, 0o700) == 0)
      try watch.add(inner)
      watch.remove(folder)
      #expect(watch.watched == [inner])
    }
  }

  @Test("more events than the system keeps are told as lost")
  func overflow() throws {
    try use { watch, folder in
      let text = try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
      let limit = try #require(Int(text.filter(\.isNumber)))
      for number in 0...limit {
        close(unsafe open(folder + "/\(number & 1)", O_WRONLY | O_CREAT, 0o600))
      }
      #expect(watch.changes() == nil)
      try expect(watch, [:])
    }
  }
}
