import CalendarTime
import EventLoop
import Glibc
public import LoadReport
public import OCSP
import Synchronization

/// Revokes certificates through a responder's webhook while a load runs, and looks how soon each place says so.
public final class RevocationProbe: Sendable {
  /// What is revoked where, and who is asked.
  public struct Settings: Sendable {
    public var webhook: LoadTarget
    public var webhookPlace: SocketPlace
    /// The key that the webhook's secret stands for.
    public var key: [UInt8]
    public var issuerName: String
    public var issuer: IssuerHashes
    /// With which it is asked.
    public var hash: HashAlgorithm
    public var serials: SerialList
    public var everyMilliseconds: Int64
    /// Before the first.
    public var delayMilliseconds: Int64
    public var watched: [(target: LoadTarget, place: SocketPlace)]

    public init(
      webhook: LoadTarget, webhookPlace: SocketPlace, key: [UInt8], issuerName: String, issuer: IssuerHashes,
      hash: HashAlgorithm, serials: SerialList, everyMilliseconds: Int64, delayMilliseconds: Int64,
      watched: [(target: LoadTarget, place: SocketPlace)]
    ) {
      self.webhook = webhook
      self.webhookPlace = webhookPlace
      self.key = key
      self.issuerName = issuerName
      self.issuer = issuer
      self.hash = hash
      self.serials = serials
      self.everyMilliseconds = everyMilliseconds
      self.delayMilliseconds = delayMilliseconds
      self.watched = watched
    }
  }

  private let settings: Settings
  private let probes = Mutex<[Probe]>([])
  private let ending = GrowingValue()
  private let thread = Mutex<NamedThread?>(nil)

  private init(_ settings: Settings) {
    self.settings = settings
  }

  /// Begins on a thread of its own.
  public static func start(_ settings: Settings) -> RevocationProbe {
    let probe = RevocationProbe(settings)
    let thread = NamedThread(name: "load-probe") { probe.run() }
    probe.thread.withLock { $0 = thread }
    return probe
  }

  /// Revokes no further certificate, waits until what was seen of the last one is known, and gives all.
  public func end() -> [Probe] {
    ending.raise(to: 1)
    thread.withLock { $0.take() }?.join()
    return probes.withLock { $0 }
  }

  private func run() {
    let watchers = settings.watched.map {
      Watcher(
        target: $0.target, place: $0.place, issuer: settings.issuer, serials: settings.serials, hash: settings.hash)
    }
    let webhook = ProbeConnection(to: settings.webhookPlace)
    var next = MonotonicTime.now().advanced(byMilliseconds: settings.delayMilliseconds)
    for place in 0..<settings.serials.count {
      let pause = (next.nanoseconds - MonotonicTime.now().nanoseconds) / 1_000_000
      if ending.wait(for: 1, milliseconds: max(0, pause)) { return }
      next = max(next, .now()).advanced(byMilliseconds: settings.everyMilliseconds)
      let probe = revoke(place, watchers, webhook)
      probes.withLock { $0.append(probe) }
    }
  }

  /// One certificate, from before its revocation until all places have said so, or the bound has passed.
  private func revoke(_ place: Int, _ watchers: [Watcher], _ webhook: ProbeConnection) -> Probe {
    let serial = settings.serials.serial(at: place)
    let sights = watchers.map { _ in Watcher.Sight() }
    let hash = settings.hash
    let threads = zip(watchers, sights).map { watcher, sight in
      NamedThread(name: "load-watch") { watcher.watch(place, hash: hash, sight) }
    }
    for sight in sights { _ = sight.isWatching.wait(for: 1, milliseconds: 2500) }
    let before = sights.map { sight in sight.seen.withLock { $0.revokedAt } }
    let sent = MonotonicTime.now().nanoseconds
    for sight in sights { sight.sentAt.store(sent, ordering: .releasing) }
    var probe = Probe(serial: serial.hexadecimal, acknowledgedAfterMilliseconds: nil, watches: [])
    if before.contains(where: { $0 != nil }) {
      probe.problem = "it was revoked already"
    } else {
      tell(serial, webhook, sent: sent, &probe)
    }
    for thread in threads { thread.join() }
    probe.watches = zip(watchers, sights).map { watcher, sight in
      let seen = sight.seen.withLock { $0 }
      func after(_ time: Int64?) -> Double? { time.map { max(0, Double($0 - sent) / 1e6) } }
      return Probe.Watch(
        url: watcher.url, revokedAfterMilliseconds: after(seen.revokedAt),
        // An answer from before the event says nothing about what came after it.
        lastGoodAfterMilliseconds: after(seen.lastGoodAt.flatMap { $0 >= sent ? $0 : nil }))
    }
    return probe
  }

  private func tell(_ serial: SerialNumber, _ webhook: ProbeConnection, sent: Int64, _ probe: inout Probe) {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    let event = RevocationEvent(
      issuerName: settings.issuerName, serial: serial,
      // Known to the receiver for thirty days: no two loads may use the same.
      identifier: "load_\(time.tv_sec)_\(time.tv_nsec)_\(serial)", time: UnixTime(seconds: Int64(time.tv_sec)))
    do {
      let request = try event.request(to: settings.webhook, key: settings.key)
      let answer = try webhook.exchange(request, deadline: sent + Watcher.boundNanoseconds)
      if answer.status == 200 {
        probe.acknowledgedAfterMilliseconds = Double(answer.time - sent) / 1e6
      } else {
        probe.problem =
          "the webhook answered HTTP \(answer.status): \(String(decoding: answer.body.prefix(200), as: UTF8.self))"
      }
    } catch let failure as ProbeConnection.Failure {
      probe.problem = "the webhook gave no answer: \(failure.description)"
    } catch {
      probe.problem = "the event could not be signed: \(error)"
    }
  }
}
