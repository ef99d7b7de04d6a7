import Glibc
package import RedisClient
import Synchronization

/// A redis-server of the tests' own, on a port of 127.0.0.1.
package final class RedisServer: Sendable {
  package let port: UInt16
  package let folder: String
  private let arguments: [String]
  private let isReady: String
  private let process: Mutex<ServerProcess>

  /// - Parameter options: behind those that every server gets.
  package convenience init(_ options: [String] = []) async {
    await self.init { port, folder in RedisServer.usual(folder) + ["--port", "\(port)"] + options }
  }

  /// - Parameters:
  ///   - isReady: what it prints when it can be used.
  ///   - arguments: of redis-server, for a port that is free, probably, and an empty folder.
  package init(
    isReady: String = "Ready to accept connections", _ arguments: (_ port: UInt16, _ folder: String) -> [String]
  ) async {
    while true {
      let port = RedisServer.freePort()
      let folder = TestFolder.make()
      let words = ["redis-server"] + arguments(port, folder)
      guard let process = await RedisServer.start(words, isReady: isReady) else { continue }
      self.port = port
      self.folder = folder
      self.arguments = words
      self.isReady = isReady
      self.process = Mutex(process)
      RedisServer.all.withLock { $0.append(self) }
      return
    }
  }

  package static func usual(_ folder: String) -> [String] {
    ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
  }

  /// Nil where somebody else has the port.
  private static func start(_ arguments: [String], isReady: String) async -> ServerProcess? {
    let process = ServerProcess(arguments)
    await process.output.wait { $0.contains(isReady) || $0.hasPrefix("exited") }
    let lines = process.output.lines
    if lines.contains(where: { $0.contains(isReady) }) { return process }
    precondition(
      lines.contains { $0.contains("Address already in use") || $0.contains("Failed listening") },
      "\(arguments): \(lines.joined(separator: "\n"))")
    return nil
  }

  package var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: port) }
  package var output: EventRecord { process.withLock { $0.output } }

  package func send(_ signal: Int32) {
    process.withLock { $0 }.send(signal)
  }

  package func kill() async {
    await process.withLock { $0 }.kill()
  }

  /// After `kill`, on the same port.
  package func startAgain() async {
    while true {
      // What the last one had may be in use for a moment yet.
      if let new = await RedisServer.start(arguments, isReady: isReady) {
        process.withLock { $0 = new }
        return
      }
    }
  }

  // To the end of the process: what a test does not name any more, its clients may still speak to.
  private static let all = Mutex<[RedisServer]>([])
  private static let handedOut = Mutex<Set<UInt16>>([])

  /// Below the ports that the system hands out, and so that the port of a cluster's bus (10000 more) is, too.
  package static func freePort() -> UInt16 {
    handedOut.withLock { handedOut in
      while true {
        let port = UInt16.random(in: 10_000..<22_000)
        if handedOut.insert(port).inserted { return port }
      }
    }
  }
}

/// Folders that are gone at the end of the process.
package enum TestFolder {
  package static let root: String = {
    var template = Array("/tmp/avouch-redis-XXXXXX".utf8CString)
    let made = unsafe String(cString: mkdtemp(&template))
    atexit { unsafe system("rm -rf \(TestFolder.root)") }
    return made
  }()

  private static let count = Mutex(0)

  package static func make() -> String {
    let number = count.withLock { count in
      count += 1
      return count
    }
    let folder = "\(root)/\(number)"
    unsafe mkdir(folder, 0o700)
    return folder
  }

  package static func write(_ text: String, to path: String) {
    guard let file = unsafe fopen(path + ".new", "w") else { fatalError("\(path): cannot be written") }
    unsafe fputs(text, file)
    unsafe fclose(file)
    unsafe rename(path + ".new", path)
  }
}
