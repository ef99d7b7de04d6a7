import Glibc
import PKCS11Signer

/// How a command ends: the contract that scripts rely on.
enum ExitCode: Int32 {
  case fine = 0
  /// The answer is no: revoked, not verified, refused, failed.
  case no = 1
  /// The command line is wrong.
  case wrongUse = 2
}

/// A message for the person at the terminal and the exit code that goes with it.
struct CommandFailure: Error, CustomStringConvertible {
  var code: ExitCode
  var description: String

  static func no(_ message: String) -> CommandFailure { CommandFailure(code: .no, description: message) }
  static func wrongUse(_ message: String) -> CommandFailure { CommandFailure(code: .wrongUse, description: message) }
}

/// Standard output and standard error, whole lines at a time, from any thread. No PIN gets there with a message that
/// quotes what somebody wrote.
enum Terminal {
  static func print(_ line: String) { write(PINRedaction.redacted(line) + "\n", to: STDOUT_FILENO) }
  static func printError(_ line: String) { write(PINRedaction.redacted(line) + "\n", to: STDERR_FILENO) }

  static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // A closed pipe at the other end is no reason to stop serving.
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  static var isErrorATerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
