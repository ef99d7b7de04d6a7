public import CalendarTime

/// What a whole load test measured, and of what.
public struct LoadResult: Sendable, Equatable {
  /// Something that was asked for.
  public struct Setting: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What `--name` says, else the URL.
  public var name: String
  public var url: String
  public var startedAt: UnixTime
  public var machine: Machine
  /// Of Avouch.
  public var version: String
  /// All that was asked for, in order: shares of methods and hashes, serials, their distribution, the seed.
  public var settings: [Setting]
  /// In the order in which they were made.
  public var runs: [LoadRun]
  /// Revocations that were made meanwhile.
  public var probes: [Probe]

  public init(
    name: String, url: String, startedAt: UnixTime, machine: Machine, version: String, settings: [Setting],
    runs: [LoadRun], probes: [Probe]
  ) {
    self.name = name
    self.url = url
    self.startedAt = startedAt
    self.machine = machine
    self.version = version
    self.settings = settings
    self.runs = runs
    self.probes = probes
  }
}
