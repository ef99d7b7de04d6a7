import CalendarTime
import HTTP1

/// The last dates that one worker has written: answers that were signed in the same second share theirs.
///
/// One thread.
@safe
final class DateMemo {
  private struct Entry {
    var seconds = Int64.min
    var text: InlineArray<32, UInt8> = InlineArray(repeating: 0)
  }

  private static let count = 256
  private let entries: UnsafeMutablePointer<Entry>

  init() {
    unsafe entries = .allocate(capacity: DateMemo.count)
    unsafe entries.initialize(repeating: Entry(), count: DateMemo.count)
  }

  deinit {
    unsafe entries.deallocate()
  }

  /// Writes the 29 octets of the time's IMF-fixdate (RFC 9110 5.6.7).
  func write(_ time: UnixTime, to target: UnsafeMutablePointer<UInt8>) {
    let entry = unsafe entries + Int(truncatingIfNeeded: time.seconds & Int64(DateMemo.count - 1))
    let text = unsafe UnsafeMutableRawPointer(entry).advanced(by: 8)
      .assumingMemoryBound(to: UInt8.self)
    if unsafe entry.pointee.seconds != time.seconds {
      unsafe HTTPDate.write(time, to: text)
      unsafe entry.pointee.seconds = time.seconds
    }
    unsafe target.update(from: text, count: 29)
  }
}
