import EventLoop
import Glibc

/// What a connection does before it is ready, and what it may cost.
struct ConnectionProfile: Sendable {
  var credentials: RedisCredentials?
  var tls: RedisTLS?
  var clientName: String
  var database: Int
  /// A replica of a cluster answers only who has said READONLY.
  var saysReadOnly = false
  /// Whether the node is asked what it is.
  var asksRole = false
  var times: RedisSettings.Times
  var bounds: RedisSettings.Bounds

  init(_ settings: RedisSettings) {
    credentials = settings.credentials
    tls = settings.tls
    clientName = settings.clientName
    database = settings.database
    times = settings.times
    bounds = settings.bounds
  }

  /// One command of the login, and whether the connection is good for nothing where it fails.
  struct Step {
    enum Kind {
      case login, name, database, readOnly, role, ping
    }

    var kind: Kind
    var words: [[UInt8]]

    /// The command's name, for messages; never its arguments.
    var name: String { String(decoding: words[0], as: UTF8.self) }
  }

  /// Reads the password file.
  func steps() throws(PasswordFailure) -> [Step] {
    func step(_ kind: Step.Kind, _ words: String...) -> Step { Step(kind: kind, words: words.map { Array($0.utf8) }) }
    var steps: [Step] = []
    if let credentials {
      let password = try PasswordFile.read(credentials.passwordFile)
      let user = credentials.user.map { [Array($0.utf8)] } ?? []
      steps.append(Step(kind: .login, words: [Array("AUTH".utf8)] + user + [password]))
    }
    steps.append(step(.name, "CLIENT", "SETNAME", clientName))
    if database != 0 { steps.append(step(.database, "SELECT", "\(database)")) }
    if saysReadOnly { steps.append(step(.readOnly, "READONLY")) }
    if asksRole { steps.append(step(.role, "ROLE")) }
    steps.append(step(.ping, "PING"))
    return steps
  }
}

/// A password file that cannot be used; names the file.
struct PasswordFailure: Error, Sendable {
  var why: String
}

enum PasswordFile {
  /// Octets; a longer file is no password.
  static let maximumOctets = 4096

  /// The whole file without its last line end.
  static func read(_ path: String) throws(PasswordFailure) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw PasswordFailure(why: "password file \(path): \(Linux.errorText(errno))") }
    defer { Linux.close(descriptor) }
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: maximumOctets + 1)
    while octets.count <= maximumOctets {
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw PasswordFailure(why: "password file \(path): \(Linux.errorText(errno))") }
      if count == 0 { break }
      octets += chunk[..<count]
    }
    guard octets.count <= maximumOctets else {
      throw PasswordFailure(why: "password file \(path): longer than \(maximumOctets) octets")
    }
    if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
    if octets.last == UInt8(ascii: "\r") { octets.removeLast() }
    guard !octets.isEmpty else { throw PasswordFailure(why: "password file \(path): empty") }
    return octets
  }
}
