import CalendarTime
import EventLoop
import HTTPClient
import OCSP
import OpenSSLCrypto
import Records
import Responder

/// The watcher's thread: waits for files, fetches and its plan, and judges what comes.
final class CRLWorker: @unchecked Sendable {
  // Made on the starting thread, used by one other from then on.
  private static let watchData: UInt64 = 1
  private static let bellData: UInt64 = 2
  /// How soon a commit is looked for again that memory has not seen yet.
  private static let appliedMilliseconds: Int64 = 50
  private static let ageMilliseconds: Int64 = 1000

  /// One issuer.
  final class Feed {
    var settings: CRLFeed
    var tracker = CRLTracker()
    var sources: [CRLSourceState] = []
    let counters = CRLCounters()
    /// The newest revision that a CRL of it has made.
    var revision = Revision.zero
    var objection: String?
    /// The nextUpdate whose passing has been told.
    var staleTold: UnixTime?

    init(_ settings: CRLFeed) {
      self.settings = settings
    }
  }

  let watcher: CRLWatcher
  let session: any StatusStoreSession
  private let epoll: Epoll
  /// Nil where the system has none left (fs.inotify.max_user_instances): then files are looked at every now and then alone.
  private let folders: FolderWatch?
  private(set) var feeds: [Feed] = []
  private var nextSource = 0
  private var fetchesUnderWay = 0
  private var nextPoll: Int64 = 0
  private var isStopping = false
  /// Folders that cannot be watched, which has been told.
  private var unwatched: Set<String> = []

  init(_ watcher: CRLWatcher, session: any StatusStoreSession) throws {
    self.watcher = watcher
    self.session = session
    epoll = try Epoll()
    try epoll.add(watcher.bell.descriptor, .read, data: CRLWorker.bellData)
    do throws(SystemCallError) {
      let folders = try FolderWatch()
      try epoll.add(folders.descriptor, .read, data: CRLWorker.watchData)
      self.folders = folders
    } catch {
      folders = nil
      watcher.log.warning(
        "CRL files are looked at every \(watcher.times.pollMilliseconds / 1000) s: changes cannot be watched: \(error)")
    }
  }

  var now: Int64 { watcher.clock.monotonicNanoseconds() / 1_000_000 }

  func run() {
    while true {
      takeMessages()
      guard !isStopping else { break }
      lookAtFiles()
      lookAtURLs()
      judgeAges()
      report()
      wait()
    }
    for feed in feeds { feed.settings.progress.withhold(false) }
  }

  private func wait() {
    let now = now
    var until = feeds.contains { $0.settings.maximumAgeSeconds != nil } ? now + CRLWorker.ageMilliseconds : nextPoll
    if feeds.contains(where: { $0.objection != nil && $0.revision > watcher.revisions.appliedRevision }) {
      until = now + CRLWorker.appliedMilliseconds
    }
    until = min(until, nextPoll)
    for source in feeds.flatMap(\.sources) where !source.isUnderWay {
      // A URL that is due and finds no room waits for one that ends, which rings the bell.
      if source.file == nil, fetchesUnderWay >= CRLWatcher.maximumFetches { continue }
      until = min(until, source.nextLook)
    }
    let count = epoll.wait(milliseconds: Int32(clamping: max(0, until - now)))
    for index in 0..<count where epoll[index].data == CRLWorker.bellData { watcher.bell.clear() }
    takeChangedFiles()
  }

  // MARK: - Messages

  private func takeMessages() {
    for message in watcher.takeMessages() {
      switch message {
      case .adopt(let settings): adopt(settings)
      case .fetched(let id, let outcome):
        fetchesUnderWay -= 1
        for feed in feeds {
          guard let source = feed.sources.first(where: { $0.id == id }) else { continue }
          source.isUnderWay = false
          end(take(outcome, from: source, of: feed), of: source, feed)
        }
      case .stop: isStopping = true
      }
      if isStopping { return }
    }
  }

  private func adopt(_ settings: [CRLFeed]) {
    var present = Dictionary(uniqueKeysWithValues: feeds.map { ($0.settings.storeID, $0) })
    feeds = settings.map { settings in
      let feed = present.removeValue(forKey: settings.storeID) ?? Feed(settings)
      let isOtherIssuer = feed.settings.certificate.der != settings.certificate.der
      let isFetchedOtherwise = feed.settings.authorityPath != settings.authorityPath
      let isOtherInterval = feed.settings.intervalSeconds != settings.intervalSeconds
      feed.settings = settings
      var before = feed.sources
      feed.sources = settings.sources.map { wanted in
        if let place = before.firstIndex(where: { $0.source == wanted }) {
          let kept = before.remove(at: place)
          if isOtherInterval { kept.hurry(pauses(of: wanted, settings), latest: now + rest(of: wanted, settings)) }
          // What was refused for its signature may be good now, and what could not be fetched may be had.
          if isOtherIssuer || isFetchedOtherwise || kept.trouble != nil { kept.nextLook = now }
          if isOtherIssuer { (kept.digest, kept.version, kept.entityTag, kept.lastModified) = (nil, nil, nil, nil) }
          return kept
        }
        nextSource += 1
        return CRLSourceState(id: nextSource, source: wanted, now: now, pauses: pauses(of: wanted, settings))
      }
      for gone in before { feed.tracker.forget(gone.id) }
      return feed
    }
    for gone in present.values { gone.settings.progress.withhold(false) }
    let wanted = Set(feeds.flatMap(\.sources).compactMap { $0.file?.folder })
    if let folders { for folder in folders.watched where !wanted.contains(folder) { folders.remove(folder) } }
    unwatched.formIntersection(wanted)
    nextPoll = 0
  }

  /// The pauses after failures: up to as long as a source rests when all is well.
  private func pauses(of source: CRLSource, _ settings: CRLFeed) -> Backoff {
    let longest = Int(rest(of: source, settings))
    return Backoff(
      firstMilliseconds: min(watcher.times.firstPauseMilliseconds, longest), longestMilliseconds: longest)
  }

  /// Milliseconds until a source is looked at again that nothing tells of.
  func rest(of source: CRLSource, _ settings: CRLFeed) -> Int64 {
    switch source {
    case .file: watcher.times.pollMilliseconds
    case .url: Int64(settings.intervalSeconds) * 1000
    }
  }

  // MARK: - Files

  private func lookAtFiles() {
    if now >= nextPoll {
      nextPoll = now + watcher.times.pollMilliseconds
      watchFolders()
    }
    for feed in feeds {
      for source in feed.sources where now >= source.nextLook {
        if let file = source.file { look(at: file, source, feed, isFinished: false) }
      }
    }
  }

  /// - Parameter isFinished: whether somebody has told that it is whole.
  private func look(at file: WatchedFile, _ source: CRLSourceState, _ feed: Feed, isFinished: Bool) {
    defer { source.isKnown = true }
    do throws(RecordError) {
      let version = try file.version()
      guard version != source.version else {
        source.rest(after: now, milliseconds: watcher.times.pollMilliseconds)
        return
      }
      // It may be half written: whoever writes it tells when he closes it. At the start it is there, most probably whole.
      guard isFinished || !source.isKnown || !version.isYounger(thanMilliseconds: watcher.times.settleMilliseconds)
      else {
        source.nextLook = now + watcher.times.settleMilliseconds
        return
      }
      let (octets, read) = try file.read(maximumBytes: feed.settings.maximumBytes)
      guard let octets else {
        source.nextLook = now + watcher.times.settleMilliseconds
        return
      }
      source.version = read
      end(take(octets, from: source, of: feed), of: source, feed)
    } catch {
      end((.unavailable, error.description), of: source, feed)
    }
  }

  /// Watches the folders of all files, as far as they are there.
  private func watchFolders() {
    guard let folders else { return }
    let files = feeds.flatMap(\.sources).filter { $0.file != nil }
    for folder in Set(files.compactMap { $0.file?.folder }) where !folders.isWatching(folder) {
      do throws(SystemCallError) {
        try folders.add(folder)
        unwatched.remove(folder)
        // It may have come between the last look and now.
        for source in files where source.file?.folder == folder { source.nextLook = now }
      } catch {
        guard unwatched.insert(folder).inserted else { continue }
        let seconds = watcher.times.pollMilliseconds / 1000
        watcher.log.warning("\(folder): cannot be watched, CRLs in it are looked at every \(seconds) s: \(error)")
      }
    }
  }

  private func takeChangedFiles() {
    guard let folders else { return }
    guard let changes = folders.changes() else {
      for source in feeds.flatMap(\.sources) where source.file != nil { source.nextLook = now }
      return
    }
    guard !changes.isEmpty else { return }
    for feed in feeds {
      for source in feed.sources {
        guard let file = source.file else { continue }
        let mine = changes.filter { $0.folder == file.folder }
        if mine.contains(where: { $0.isFinished && $0.name == file.name }) {
          look(at: file, source, feed, isFinished: true)
        } else if !mine.isEmpty {
          // It may be reached through a link that lies in this folder too.
          source.nextLook = min(source.nextLook, now)
        }
      }
    }
    if changes.contains(where: { $0.name.isEmpty }) { nextPoll = 0 }
  }

  // MARK: - URLs

  private func lookAtURLs() {
    for feed in feeds {
      for source in feed.sources {
        guard case .url(let url) = source.source, !source.isUnderWay, now >= source.nextLook else { continue }
        guard fetchesUnderWay < CRLWatcher.maximumFetches else { return }
        source.isUnderWay = true
        fetchesUnderWay += 1
        watcher.fetches.fetch(source.request(url, feed.settings, watcher.times), id: source.id)
      }
    }
  }
}
