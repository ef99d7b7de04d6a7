import Glibc
import RedisClient
import Synchronization

/// A redis-server of the tests' own, on a port of 127.0.0.1.
final class RedisServer: Sendable {
  let port: UInt16
  let folder: String
  private let arguments: [String]
  private let process: Mutex<ServerProcess>

  /// - Parameters:
  ///   - configuration: words as on redis-server's command line. `PORT` and `FOLDER` in them are replaced.
  ///   - isReady: what it prints when it can be used.
  init(
    _ configuration: [String] = [], program: String = "redis-server", port given: UInt16? = nil,
    portOption: String = "--port", isReady: String = "Ready to accept connections"
  ) async {
    while true {
      let port = given ?? RedisServer.freePort()
      let folder = TestFolder.make()
      let arguments =
        [program] + (program == "redis-sentinel" ? [folder + "/sentinel.conf"] : [])
        + ["--bind", "127.0.0.1", portOption, "\(port)", "--dir", folder, "--save", "", "--appendonly", "no"]
        + configuration.map { $0.replacing("PORT", with: "\(port)").replacing("FOLDER", with: folder) }
      if program == "redis-sentinel" { TestFolder.write("", to: folder + "/sentinel.conf") }
      if let process = await RedisServer.start(arguments, isReady: isReady) {
        self.port = port
        self.folder = folder
        self.arguments = arguments
        self.process = Mutex(process)
        return
      }
      precondition(given == nil, "port \(port) is taken")
    }
  }

  /// Nil where somebody else has the port.
  private static func start(_ arguments: [String], isReady: String) async -> ServerProcess? {
    let process = ServerProcess(arguments)
    await process.output.wait { $0.contains(isReady) || $0.hasPrefix("exited") }
    let lines = process.output.lines
    if lines.contains(where: { $0.contains(isReady) }) { return process }
    precondition(
      lines.contains { $0.contains("in use") || $0.contains("ort") }, "\(arguments): \(lines.joined(separator: "\n"))")
    return nil
  }

  var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: port) }
  var output: EventRecord { process.withLock { $0.output } }

  func send(_ signal: Int32) {
    process.withLock { $0 }.send(signal)
  }

  func kill() async {
    await process.withLock { $0 }.kill()
  }

  /// After `kill`, on the same port.
  func startAgain() async {
    while true {
      // What the last one had may be in use for a moment yet.
      if let new = await RedisServer.start(arguments, isReady: "Ready to accept connections") {
        process.withLock { $0 = new }
        return
      }
    }
  }

  /// By redis-cli, which knows nothing of this program.
  func cli(_ words: String...) async -> String {
    let process = ServerProcess(["redis-cli", "-h", "127.0.0.1", "-p", "\(port)"] + words)
    await process.output.wait { $0.hasPrefix("exited") }
    return process.output.lines.filter { !$0.hasPrefix("pid ") && !$0.hasPrefix("exited") }.joined(separator: "\n")
  }

  private static let handedOut = Mutex<Set<UInt16>>([])

  /// Below the ports that the system hands out, and so that the port of a cluster's bus (10000 more) is, too.
  static func freePort() -> UInt16 {
    handedOut.withLock { handedOut in
      while true {
        let port = UInt16.random(in: 10_000..<22_000)
        if handedOut.insert(port).inserted { return port }
      }
    }
  }
}

/// Folders that are gone at the end of the process.
enum TestFolder {
  static let root: String = {
    var template = Array("/tmp/avouch-redis-XXXXXX".utf8CString)
    let made = unsafe String(cString: mkdtemp(&template))
    atexit { unsafe system("rm -rf \(TestFolder.root)") }
    return made
  }()

  private static let count = Mutex(0)

  static func make() -> String {
    let number = count.withLock { count in
      count += 1
      return count
    }
    let folder = "\(root)/\(number)"
    unsafe mkdir(folder, 0o700)
    return folder
  }

  static func write(_ text: String, to path: String) {
    guard let file = unsafe fopen(path + ".new", "w") else { fatalError("\(path): cannot be written") }
    unsafe fputs(text, file)
    unsafe fclose(file)
    unsafe rename(path + ".new", path)
  }
}
