import EventLoop
import Glibc
import Synchronization

/// A program that runs beside the tests and ends with them, however they end.
package final class ServerProcess: Sendable {
  /// What it prints, and `pid N` and `exited CODE` of the shell around it.
  package let output = EventRecord()
  private let socket: Socket

  /// Closed when neither the process nor the thread that reads from it has it any more.
  private final class Socket: Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) {
      self.descriptor = descriptor
    }

    deinit {
      close(descriptor)
    }
  }

  /// The shell kills the program when the other end of its standard input is gone. It outlives the terminal for that.
  private static let script = """
    trap "" HUP INT TERM; exec 3<&0; "$@" & server=$!; echo "pid $server"
    { read -r line <&3; kill -9 $server; } 2>/dev/null & watcher=$!
    wait $server; echo "exited $?"; kill -9 $watcher 2>/dev/null
    """

  /// - Parameter arguments: the program's name, and what it is given.
  package init(_ arguments: [String]) {
    var pair: [Int32] = [0, 0]
    // Closed in every other child, so that this end is the only one.
    let code = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair)
    precondition(code == 0)
    socket = Socket(pair[0])
    ServerProcess.spawn(["/bin/sh", "-c", ServerProcess.script, "sh"] + arguments, input: pair[1])
    close(pair[1])
    let (socket, output) = (socket, output)
    _ = NamedThread(name: "server-output", isDetached: true) { ServerProcess.read(socket, output) }
  }

  deinit {
    // The thread that reads sees the end.
    shutdown(socket.descriptor, Int32(SHUT_RDWR))
  }

  private static func spawn(_ arguments: [String], input: Int32) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for target: Int32 in 0...2 { unsafe posix_spawn_file_actions_adddup2(&actions, input, target) }
    // Threads of the tests block signals, and what they start would go on doing so.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for place in unsafe words.indices { unsafe free(words[place]) } }
    var pid = pid_t()
    let code = unsafe posix_spawn(&pid, arguments[0], &actions, &attributes, words, environ)
    precondition(code == 0, "\(arguments[0]) cannot be started")
    let child = pid
    _ = NamedThread(name: "server-wait", isDetached: true) { _ = waitpid(child, nil, 0) }
  }

  private static func read(_ socket: Socket, _ output: EventRecord) {
    var rest: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case .bytes(let count) = unsafe chunk.withUnsafeMutableBytes({ unsafe Linux.receive(socket.descriptor, $0) })
    {
      rest += chunk[..<count]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        output.add(String(decoding: rest[..<end], as: UTF8.self))
        rest.removeSubrange(...end)
      }
    }
    output.add("exited with its shell")
  }

  private var pid: pid_t {
    output.lines.lazy.compactMap { $0.hasPrefix("pid ") ? pid_t($0.dropFirst(4)) : nil }.first ?? 0
  }

  /// To the program itself.
  package func send(_ signal: Int32) {
    let pid = pid
    precondition(pid > 0, "it has not begun")
    Glibc.kill(pid, signal)
  }

  /// Ends it at once, and waits for that.
  package func kill() async {
    send(SIGKILL)
    await output.wait(for: "exited")
  }

  /// Runs a program to its end and gives what it printed.
  package static func run(_ arguments: [String]) async -> String {
    let process = ServerProcess(arguments)
    await process.output.wait(for: "exited")
    return process.output.lines.joined(separator: "\n")
  }
}
