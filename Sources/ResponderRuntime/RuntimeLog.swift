/// Where the runtime's threads say what an operator should know. Implemented by the program; any thread may call.
public protocol RuntimeLog: Sendable {
  func info(_ message: String)
  func warning(_ message: String)
}
