import CalendarTime
import Responder

/// News that wait for their number, and the numbers. Pure; bounded: over the bound all of them are dropped and one number is
/// left out, so that who listens notices and looks everything up anew.
struct PublisherNews {
  private static let maximumFrameOctets = 16 << 10
  /// Of so many changes in line the answers go with them; of many at once those who want them fetch them, since a stream of
  /// all of them would take more memory than the answers themselves.
  private static let maximumFrames = 256
  private let limit: Int
  private var changes = Line<UpdateEntry.Change>()
  private var renewals = Line<UpdateEntry.Renewal>()
  private var unissued = Line<SharedKey>()
  /// The entry under way: the next is sent once it has arrived, so that no number is missing or doubled.
  private(set) var underWay: UpdateEntry?
  /// One that was sent, and of which nobody knows whether it has arrived. It goes out again just as it is: who has heard it
  /// ignores its number, and would ignore whatever else came under it.
  private var unsure: UpdateEntry?
  private var nextNumber: UInt64?
  private var hasLost = false
  private var isBeatDue = false

  init(limit: Int) {
    self.limit = limit
  }

  var count: Int { changes.count + renewals.count + unissued.count + (underWay == nil && unsure == nil ? 0 : 1) }

  /// Where the numbers go on; nil where nothing is to be sent for now.
  mutating func begin(at number: UInt64?) {
    // By another token: nobody ignores it.
    if let lost = underWay ?? unsure { putBack(lost.news) }
    (underWay, unsure) = (nil, nil)
    nextNumber = number
  }

  mutating func add(_ change: UpdateEntry.Change) {
    makeRoom()
    var change = change
    if changes.count >= PublisherNews.maximumFrames { change.frame = [] }
    changes.append(change)
  }

  mutating func add(_ renewal: UpdateEntry.Renewal) {
    makeRoom()
    renewals.append(renewal)
  }

  mutating func add(unissued key: SharedKey) {
    // Who asked is told to come later, as it would be without.
    if unissued.count < limit { unissued.append(key) }
  }

  /// Has an empty entry sent where there is nothing else.
  mutating func beat() {
    isBeatDue = true
  }

  /// From here on something was changed of which nothing is told.
  mutating func lose() {
    hasLost = true
  }

  private mutating func makeRoom() {
    guard changes.count + renewals.count >= limit else { return }
    changes.removeAll()
    renewals.removeAll()
    hasLost = true
  }

  /// The next entry to send; nil where there is nothing, or one is under way.
  mutating func next(_ token: FencingToken) -> UpdateEntry? {
    guard underWay == nil, var number = nextNumber else { return nil }
    if let again = unsure {
      (underWay, unsure) = (again, nil)
      return again
    }
    guard let news = nextNews() else { return nil }
    if hasLost { number &+= 1 }
    (hasLost, isBeatDue) = (false, false)
    let entry = UpdateEntry(number: number, token: token, news: news)
    underWay = entry
    return entry
  }

  private mutating func nextNews() -> UpdateEntry.News? {
    if !changes.isEmpty {
      var (taken, octets) = ([UpdateEntry.Change](), 0)
      while taken.count < UpdateEntry.maximumChanges, octets < PublisherNews.maximumFrameOctets,
        let change = changes.popFirst()
      {
        octets += change.frame.count
        taken.append(change)
      }
      return .changed(taken)
    }
    if !renewals.isEmpty { return .renewed(PublisherNews.take(&renewals)) }
    if !unissued.isEmpty { return .unissued(PublisherNews.take(&unissued)) }
    // Nothing to tell but that something was missed.
    return hasLost || isBeatDue ? .renewed([]) : nil
  }

  private static func take<Element>(_ line: inout Line<Element>) -> [Element] {
    var taken: [Element] = []
    while taken.count < UpdateEntry.maximumRenewals, let element = line.popFirst() { taken.append(element) }
    return taken
  }

  /// What became of the entry under way. False where it is none of ours any more.
  mutating func ended(_ entry: UpdateEntry, hasArrived: Bool) -> Bool {
    guard underWay == entry else { return false }
    underWay = nil
    if hasArrived { nextNumber = entry.number &+ 1 } else { unsure = entry }
    return true
  }

  private mutating func putBack(_ news: UpdateEntry.News) {
    switch news {
    case .changed(let taken): for change in taken.reversed() { changes.putBack(change) }
    case .renewed(let taken): for renewal in taken.reversed() { renewals.putBack(renewal) }
    case .unissued(let taken): for key in taken.reversed() { unissued.putBack(key) }
    }
  }
}
