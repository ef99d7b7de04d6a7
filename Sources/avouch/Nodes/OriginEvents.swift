import CalendarTime
import Configuration
import EventLoop
public import Feeds
import HTTPServer
import Metrics
import OpenSSLCrypto
import Responder
import ResponderRuntime
import SQLiteStore

/// How an origin takes the events of its CAs: the receiver on a listener of its own, and what brings them into the store.
final class OriginEvents: Sendable {
  private static let workers = 2
  let server: HTTPServer
  let intake: EventIntake
  let receiver: WebhookReceiver

  init(
    _ settings: Configuration.Events, _ configuration: LoadedConfiguration, store: SQLiteStore,
    runtime: ResponderRuntime
  ) throws {
    intake = EventIntake(store: store, applied: runtime, clock: SystemClock())
    var limits = WebhookReceiver.Limits()
    limits.toleranceSeconds = Int64(settings.toleranceSeconds)
    let receiver = WebhookReceiver(
      intake, senders: try OriginEvents.senders(configuration, runtime.directory), limits: limits,
      // Another node is the origin: what is taken here would be told to nobody.
      refusal: { runtime.suspensionReason })
    self.receiver = receiver
    server = try HTTPServer(
      name: "events", addresses: try configuration.eventAddresses(), workers: OriginEvents.workers, isPinned: false,
      limits: ServerLimits.events(settings, beside: configuration.value.limits.connections)
    ) { receiver.handler($0) }
  }

  func start() throws {
    try intake.start()
    server.start()
  }

  /// Answers what is open: all of it is in the store then.
  func stop() {
    server.drain()
    server.waitUntilStopped()
    intake.stop()
  }

  /// Who may speak for which issuer, by the files of a configuration.
  static func senders(_ configuration: LoadedConfiguration, _ directory: IssuerDirectory) throws -> WebhookSenders {
    var senders = WebhookSenders()
    for issuer in configuration.value.issuers where !issuer.eventSecretFiles.isEmpty {
      guard let known = directory.issuers.issuers.first(where: { $0.name == issuer.name && !$0.isRetired }) else {
        continue
      }
      let subject = WebhookSenders.Subject(
        name: issuer.name, storeID: known.storeID,
        begins: try configuration.certificate(ofIssuer: issuer.name).notBefore
      ) { ProgrammeRules.objection(to: $0, of: issuer) }
      senders.add(subject, try secrets(of: issuer, configuration))
    }
    return senders
  }

  static func secrets(
    of issuer: Configuration.Issuer, _ configuration: LoadedConfiguration
  ) throws(CommandFailure) -> [WebhookSecret] {
    var secrets: [WebhookSecret] = []
    for (place, file) in issuer.eventSecretFiles.enumerated() {
      let path = configuration.resolved(file)
      let octets = try Files.read(path, what: "a file with secrets")
      do throws(WebhookSecret.Failure) {
        secrets += try WebhookSecret.read(octets)
      } catch {
        throw .no("issuer '\(issuer.name)': events.secretFiles[\(place)]: \(path): \(error)")
      }
    }
    return secrets
  }

  func addMetrics(_ page: inout ExpositionText) {
    page.add(
      "avouch_events_total", .counter, help: "Messages of webhooks by how they were answered.", label: "result",
      receiver.counters.all.map { ($0.result, $0.count) })
    let counters = intake.counters
    func value(_ count: Int) -> UInt64 { UInt64(clamping: count) }
    page.add(
      "avouch_event_commits_total", .counter, help: "Commits of the store that messages came in with.",
      counters.commits.current)
    page.add(
      "avouch_event_certificates_changed_total", .counter, help: "Records that messages have changed.",
      counters.certificatesChanged.current)
    let backlog = intake.backlog
    page.add("avouch_events_waiting", .gauge, help: "Messages that wait to be committed.", value(backlog.messages))
    page.add(
      "avouch_event_certificates_waiting", .gauge, help: "Certificates in the messages that wait to be committed.",
      value(backlog.certificates))
  }
}

extension ResponderRuntime: RevisionApplier {}

extension ServerLimits {
  /// For senders of events: few, with bodies of megabytes.
  fileprivate static func events(_ settings: Configuration.Events, beside publicConnections: Int) -> ServerLimits {
    var limits = ServerLimits()
    limits.connections = settings.connections
    limits.descriptors = publicConnections + settings.connections + 256 + ServerLimits.otherDescriptors
    limits.bodyBytes = settings.requestBodyBytes
    limits.bodyMilliseconds = 30_000
    return limits
  }
}
