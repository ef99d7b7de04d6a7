import CalendarTime
import Configuration
import EventLoop
import Feeds
import HTTPServer
import Metrics
import OpenSSLCrypto
import RedisClient
import Responder
import ResponderRuntime
import SQLiteStore
import TLS

/// How an origin takes the events of its CAs: a webhook on a listener of its own, a stream of Redis, and what brings both into
/// the store.
final class OriginEvents: Sendable {
  private static let workers = 2
  private let intake: EventIntake
  private struct Webhook {
    let server: HTTPServer
    let receiver: WebhookReceiver
    /// Nil where what is received is not encrypted.
    let tls: ServerTLSContext?
  }

  private let webhook: Webhook?
  /// With a connection to Redis of its own: an entry that is too long to read ends it, and the fleet is not to notice.
  private let stream: (client: RedisClient, subscriber: StreamSubscriber)?

  init(
    _ settings: Configuration.Events, _ configuration: LoadedConfiguration, store: SQLiteStore,
    runtime: ResponderRuntime,
    log: TerminalLog
  ) throws {
    let intake = EventIntake(
      store: store, applied: runtime, clock: SystemClock(), refusal: { runtime.suspensionReason })
    self.intake = intake
    let parties = try EventParties(configuration, runtime.directory)
    webhook =
      settings.listen.isEmpty ? nil : try OriginEvents.webhook(settings, configuration, intake, parties, runtime)
    if let name = settings.stream, let redis = configuration.value.redis {
      let client = try RedisClient(try RedisSettings(redis, configuration)) { _ in }
      let identity = try store.openSession().storeIdentity().prefix(8).map { String($0, radix: 16) }.joined()
      let subscriber = StreamSubscriber(
        client, intake, StreamSubscriber.Options(stream: name, group: "avouch", consumer: "origin-\(identity)"),
        clock: SystemClock(), subjects: parties.ofStream, mayRead: { runtime.suspensionReason == nil },
        log: { log.warning($0) })
      stream = (client, subscriber)
    } else {
      stream = nil
    }
  }

  private static func webhook(
    _ settings: Configuration.Events, _ configuration: LoadedConfiguration, _ intake: EventIntake,
    _ parties: EventParties, _ runtime: ResponderRuntime
  ) throws -> Webhook {
    var limits = WebhookReceiver.Limits()
    limits.toleranceSeconds = Int64(settings.toleranceSeconds)
    let receiver = WebhookReceiver(
      intake, senders: parties.senders, limits: limits,
      // Another node is the origin: what is taken here would be told to nobody.
      refusal: { runtime.suspensionReason })
    let tls = try settings.tls.map { try OriginEvents.context($0, configuration) }
    let server = try HTTPServer(
      name: "events", addresses: try configuration.eventAddresses(), workers: OriginEvents.workers, isPinned: false,
      limits: ServerLimits.events(settings, beside: configuration.value.limits.connections), tls: tls
    ) { receiver.handler($0) }
    return Webhook(server: server, receiver: receiver, tls: tls)
  }

  /// Reads the files that TLS is spoken with.
  static func context(
    _ settings: Configuration.Events.TLS, _ configuration: LoadedConfiguration
  ) throws(CommandFailure) -> ServerTLSContext {
    do throws(TLSFailure) {
      return try ServerTLSContext(
        ServerTLSSettings(
          certificateFile: configuration.resolved(settings.certificate), keyFile: configuration.resolved(settings.key),
          clientAuthorityFile: settings.clientAuthority.map { configuration.resolved($0) }))
    } catch {
      throw .no("\(configuration.path): events.tls: \(error.why)")
    }
  }

  var isEncrypted: Bool { webhook?.tls != nil }

  /// Where webhooks are received.
  var addresses: [ListenAddress] { webhook?.server.addresses ?? [] }

  func start() throws {
    try intake.start()
    webhook?.server.start()
    try stream?.client.start()
    stream?.subscriber.start()
  }

  /// Answers what is open: all of it is in the store then.
  func stop() {
    stream?.subscriber.stop()
    webhook?.server.drain()
    webhook?.server.waitUntilStopped()
    intake.stop()
    // What was settled at last is acknowledged over it.
    stream?.client.stop()
  }

  /// Reads the files of TLS again, which another certificate may be in. Where they cannot be used those before stay in force.
  func reloadTLS() throws(CommandFailure) {
    do throws(TLSFailure) {
      try webhook?.tls?.reload()
    } catch {
      throw .no("events.tls: \(error.why)")
    }
  }

  func replace(_ parties: EventParties) {
    webhook?.receiver.replace(parties.senders)
    stream?.subscriber.replace(parties.ofStream)
  }

  /// What an operator should know of, a sentence each.
  var warnings: [String] {
    (webhook?.tls?.warnings ?? [])
      + (stream?.subscriber.failure.map { ["events cannot be read from the stream: \($0)"] } ?? [])
  }

  func addMetrics(_ page: inout ExpositionText) {
    if let webhook {
      page.add(
        "avouch_events_total", .counter, help: "Messages of webhooks by how they were answered.", label: "result",
        webhook.receiver.counters.all.map { ($0.result, $0.count) })
      if webhook.tls != nil {
        let statistics = webhook.server.statistics()
        page.add(
          "avouch_event_handshakes_total", .counter, help: "TLS handshakes with senders of events.", label: "result",
          [("done", statistics.handshakes), ("failed", statistics.failedHandshakes)])
      }
    }
    if let stream {
      page.add(
        "avouch_stream_events_total", .counter, help: "Entries of the stream of events by what became of them.",
        label: "result", stream.subscriber.counters.all.map { ($0.result, $0.count) })
      page.add(
        "avouch_stream_readable", .gauge, help: "0 while the stream of events cannot be read.",
        stream.subscriber.failure == nil ? 1 : 0)
    }
    let counters = intake.counters
    page.add(
      "avouch_event_commits_total", .counter, help: "Commits of the store that messages came in with.",
      counters.commits.current)
    page.add(
      "avouch_event_certificates_changed_total", .counter, help: "Records that messages have changed.",
      counters.certificatesChanged.current)
    let backlog = intake.backlog
    page.add(
      "avouch_events_waiting", .gauge, help: "Messages that wait to be committed.", UInt64(clamping: backlog.messages))
    page.add(
      "avouch_event_certificates_waiting", .gauge, help: "Certificates in the messages that wait to be committed.",
      UInt64(clamping: backlog.certificates))
  }
}

/// Who may speak for which issuer, by a configuration and its files.
struct EventParties {
  private(set) var senders = WebhookSenders()
  private(set) var ofStream: [EventSubject] = []

  init(_ configuration: LoadedConfiguration, _ directory: IssuerDirectory) throws {
    for issuer in configuration.value.issuers where !issuer.eventSecretFiles.isEmpty || issuer.takesStream {
      guard let known = directory.issuers.issuers.first(where: { $0.name == issuer.name && !$0.isRetired }) else {
        continue
      }
      let subject = EventSubject(
        name: issuer.name, storeID: known.storeID,
        begins: try configuration.certificate(ofIssuer: issuer.name).notBefore
      ) { ProgrammeRules.objection(to: $0, of: issuer) }
      let secrets = try EventParties.secrets(of: issuer, configuration)
      if !secrets.isEmpty { senders.add(subject, secrets) }
      if issuer.takesStream { ofStream.append(subject) }
    }
  }

  static func secrets(
    of issuer: Configuration.Issuer, _ configuration: LoadedConfiguration
  ) throws(CommandFailure) -> [WebhookSecret] {
    var secrets: [WebhookSecret] = []
    for (place, file) in issuer.eventSecretFiles.enumerated() {
      let path = configuration.resolved(file)
      let octets: [UInt8]
      do throws(CommandFailure) {
        octets = try Files.read(path, what: "a file with secrets")
      } catch {
        throw .no("issuer '\(issuer.name)': events.secretFiles[\(place)]: \(error)")
      }
      do throws(WebhookSecret.Failure) {
        secrets += try WebhookSecret.read(octets)
      } catch {
        throw .no("issuer '\(issuer.name)': events.secretFiles[\(place)]: \(path): \(error)")
      }
    }
    return secrets
  }
}

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
