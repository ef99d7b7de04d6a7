import EventLoop
import PKCS11Signer
import Synchronization

/// Work with a token on a thread of its own: a module may never come back from a call.
enum TokenWork {
  private static let lost = Atomic<Bool>(false)

  /// Whether a thread was left in a module's call: then the program must not end by `exit`, which runs what the module
  /// wants done at the end and may wait for that thread.
  static var hasLostThreads: Bool { lost.load(ordering: .relaxed) }

  /// - Parameters:
  ///   - token: named where the time is over.
  ///   - hint: what may be done about it, for the message.
  /// - Throws: what the body throws; where it does not come to its end in time, what it hangs in.
  static func run<Outcome: Sendable>(
    _ token: String, seconds: Int, hint: String = "", _ body: @escaping @Sendable () throws -> Outcome
  ) throws -> Outcome {
    let result = Box<Outcome>()
    let thread = NamedThread(name: "token") { result.set(Swift.Result(catching: body)) }
    if thread.join(milliseconds: Int64(seconds) * 1000), let outcome = result.value { return try outcome.get() }
    thread.detach()
    lost.store(true, ordering: .relaxed)
    let call = LastCall.name.map { "the last call begun is \($0)" } ?? "no call was begun yet"
    throw CommandFailure.no("\(token): no answer within \(seconds) s; \(call)\(hint)")
  }

  private final class Box<Outcome: Sendable>: Sendable {
    private let content = Mutex<Result<Outcome, any Error>?>(nil)

    var value: Result<Outcome, any Error>? { content.withLock { $0 } }
    func set(_ value: Result<Outcome, any Error>) { content.withLock { $0 = value } }
  }
}
