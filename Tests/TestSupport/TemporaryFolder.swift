import Foundation

/// A folder of a test's own, which ends with it.
public enum TemporaryFolder {
  public static func use<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try make()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  public static func useAsync<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = try make()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.path)
  }

  private static func make() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("avouch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }
}
