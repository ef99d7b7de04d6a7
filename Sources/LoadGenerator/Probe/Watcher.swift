import CalendarTime
import EventLoop
import Glibc
import LoadReport
import OCSP
import Synchronization

/// Asks one place about one certificate again and again, until it is said to be revoked and a little longer.
///
/// Each certificate has a thread of its own for it; the connection is handed from one to the next, and used by one at a time.
final class Watcher: @unchecked Sendable {
  // Touched by the thread of the certificate alone, of which there is one at a time (it is joined before the next).
  private let connection: ProbeConnection
  let url: String
  private let writer: RequestWriter

  /// What has been seen of one certificate. Times on the monotonic clock.
  final class Sight: Sendable {
    struct Seen {
      var revokedAt: Int64?
      var lastGoodAt: Int64?
      var answers = 0
    }

    let seen = Mutex(Seen())
    /// When the event was sent; 0 before.
    let sentAt = Atomic<Int64>(0)
    /// Raised with the first answer, or where none came: the watch is under way.
    let isWatching = GrowingValue()
  }

  /// How long revoked is waited for.
  static let boundNanoseconds: Int64 = 10_000_000_000
  /// How long it is asked further behind the first revoked: good must not come back.
  static let afterwardsNanoseconds: Int64 = 500_000_000
  private static let pauseNanoseconds = 100_000
  /// A single question.
  private static let timeoutNanoseconds: Int64 = 2_000_000_000

  init(target: LoadTarget, place: SocketPlace, issuer: IssuerHashes, serials: SerialList, hash: HashAlgorithm) {
    connection = ProbeConnection(to: place)
    url = target.url
    var mix = QuestionMix()
    mix.hashes = [(hash, 1)]
    writer = RequestWriter(
      questioner: Questioner(serials: serials, mix: mix), issuer: issuer, target: target, form: RequestForm())
  }

  /// - Parameter place: of the certificate in the list of serials.
  func watch(_ place: Int, hash: HashAlgorithm, _ sight: Sight) {
    NamedThread.wakePrecisely()
    let question = Question(
      number: 0, subject: .listed(UInt32(place)), isPost: false, hash: hash, hasNonce: false)
    let request = writer.octets(question)
    let serial = writer.questioner.serial(of: question)
    let head = writer.issuer.heads[hash] ?? []
    let begin = MonotonicTime.now().nanoseconds
    while true {
      let now = MonotonicTime.now().nanoseconds
      let sent = sight.sentAt.load(ordering: .acquiring)
      let revoked = sight.seen.withLock { $0.revokedAt }
      if let revoked, sent > 0, now > revoked + Watcher.afterwardsNanoseconds { return }
      if now > (sent > 0 ? sent : begin) + Watcher.boundNanoseconds { return }
      if let answer = try? connection.exchange(request, deadline: now + Watcher.timeoutNanoseconds) {
        if answer.status == 200 { note(answer, head: head, serial: serial, sight) }
      }
      sight.isWatching.raise(to: 1)
      usleep(UInt32(Watcher.pauseNanoseconds / 1000))
    }
  }

  private func note(_ answer: ProbeConnection.Answer, head: [UInt8], serial: SerialNumber, _ sight: Sight) {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    let check = AnswerCheck(answer.body.span, now: UnixTime(seconds: Int64(time.tv_sec)))
    let statement = check.statement(head: head.span, serial: serial, nonce: nil)
    sight.seen.withLock { seen in
      seen.answers += 1
      switch statement {
      case .revoked: if seen.revokedAt == nil { seen.revokedAt = answer.time }
      case .good: seen.lastGoodAt = answer.time
      case .status, .unknown, .wrong: break
      }
    }
  }
}
