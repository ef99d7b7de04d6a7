import LoadReport
import OCSP
import Testing

@testable import LoadGenerator

/// Runs a load against scripted servers.
struct EngineWorld {
  var settings = LoadSettings()
  var serials: SerialList

  init() throws {
    settings.connections = 4
    settings.warmUpMilliseconds = 0
    settings.durationMilliseconds = 300
    settings.timeoutMilliseconds = 10_000
    settings.signatures = .none
    serials = try LoadWorld.serials(20)
  }

  func run(_ url: String, stop: StopSignal = StopSignal()) throws -> LoadRun {
    let target = try LoadTarget(url)
    let engine = LoadEngine(settings: settings, issuer: try LoadWorld.issuer(), serials: serials, target: target)
    let place = try #require(try target.resolved().first)
    return try engine.run(to: place, judge: { _, _ in [] }, stop: stop, progress: { _ in })
  }
}
