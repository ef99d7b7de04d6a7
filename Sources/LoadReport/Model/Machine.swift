/// The machine on which the load was made.
public struct Machine: Sendable, Hashable {
  /// Those that the load may use.
  public var processors: Int
  /// `AMD EPYC 7B13`; empty where the system does not say.
  public var model: String
  public var memoryBytes: UInt64
  /// `6.1.0-18-amd64`.
  public var kernel: String
  /// `Debian GNU/Linux 12 (bookworm)`.
  public var system: String

  public init(processors: Int, model: String, memoryBytes: UInt64, kernel: String, system: String) {
    self.processors = processors
    self.model = model
    self.memoryBytes = memoryBytes
    self.kernel = kernel
    self.system = system
  }
}
