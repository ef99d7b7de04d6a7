/// What a connection says before it is ready, sent in one go, and what its replies mean.
struct Login {
  enum Outcome {
    case more
    /// The last reply; with what the node says it is, where it was asked.
    case done(ReportedRole?)
    /// In words, the command's name first.
    case refused(String)
  }

  private var steps = Queue<ConnectionProfile.Step>()
  private var role: ReportedRole?
  /// All commands, as RESP.
  private(set) var octets: [UInt8] = []

  init() {}

  init(_ profile: ConnectionProfile) throws(PasswordFailure) {
    for step in try profile.steps() {
      steps.append(step)
      octets += CommandEncoding.octets(of: step.words)
    }
  }

  /// The name of the command whose reply is due.
  var next: String? { steps.first?.name }

  mutating func take(_ reply: RedisValue) -> Outcome {
    guard let step = steps.popFirst() else { return .done(role) }
    if case .error(let text) = reply {
      switch step.kind {
      // A user may be forbidden to name a connection, or to send PING: an answer is an answer.
      case .name: break
      case .ping where text.hasPrefix("NOPERM"): break
      case .login: return .refused("\(step.name): the server says: \(Login.withoutPassword(text))")
      case .database, .readOnly, .role, .ping: return .refused("\(step.name): the server says: \(text)")
      }
    } else if step.kind == .role {
      role = ReportedRole(reply)
    }
    return steps.isEmpty ? .done(role) : .more
  }

  /// What a server that knows no AUTH says repeats what it was given.
  private static func withoutPassword(_ text: String) -> String {
    let code = text.prefix { $0 != " " }
    let isKnown =
      ["WRONGPASS", "NOAUTH", "NOPERM", "LOADING", "MASTERDOWN"].contains(code)
      || ["ERR AUTH <password> called", "ERR Client sent AUTH", "ERR invalid password"].contains { text.hasPrefix($0) }
    return isKnown ? text : "\(code) (the rest could show the password)"
  }
}
