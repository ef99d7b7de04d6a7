import OCSP

/// Remembers where a file named each serial: a file that names one twice contradicts itself.
///
/// A fixed-size entry for each serial in an open-addressing table: a 64-bit hash, keyed anew in each process so that no file can
/// choose collisions, and the place. 14 to 28 octets a certificate, half as much again while it grows. The serials
/// themselves stay in the file: where two hashes are equal it is asked, so that what is reported is exact.
struct SerialsSeen {
  /// What a free slot has: no file has a line of that number.
  private static let free = UInt32.max
  private var hashes: [UInt64] = []
  private var places: [UInt32] = []
  private(set) var count = 0

  /// - Parameters:
  ///   - place: where `serial` stands: a line, or an octet. From 2^32 - 1 on all count as one.
  ///   - serialAt: the serial that stands at a place that was given before; asked where hashes are equal, which is next to
  ///     never for different serials. May be slow.
  /// - Returns: the place that named it before; nil for the first time.
  mutating func insert(_ serial: SerialNumber, place: Int, serialAt: (Int) -> SerialNumber?) -> Int? {
    if count * 8 >= hashes.count * 7 { grow() }
    let hash = UInt64(bitPattern: Int64(serial.hashValue))
    var slot = SerialsSeen.start(hash, hashes.count)
    while places[slot] != SerialsSeen.free {
      if hashes[slot] == hash, serialAt(Int(places[slot])) == serial { return Int(places[slot]) }
      slot = (slot + 1) & (hashes.count - 1)
    }
    hashes[slot] = hash
    places[slot] = UInt32(clamping: min(place, Int(SerialsSeen.free) - 1))
    count += 1
    return nil
  }

  /// Whether `insert` has been given this serial.
  func contains(_ serial: SerialNumber, serialAt: (Int) -> SerialNumber?) -> Bool {
    guard !hashes.isEmpty else { return false }
    let hash = UInt64(bitPattern: Int64(serial.hashValue))
    var slot = SerialsSeen.start(hash, hashes.count)
    while places[slot] != SerialsSeen.free {
      if hashes[slot] == hash, serialAt(Int(places[slot])) == serial { return true }
      slot = (slot + 1) & (hashes.count - 1)
    }
    return false
  }

  /// The slot where the search begins: `capacity` is a power of two.
  private static func start(_ hash: UInt64, _ capacity: Int) -> Int {
    Int(truncatingIfNeeded: hash) & (capacity - 1)
  }

  private mutating func grow() {
    let (oldHashes, oldPlaces) = (hashes, places)
    let capacity = max(1024, 2 * hashes.count)
    hashes = [UInt64](repeating: 0, count: capacity)
    places = [UInt32](repeating: SerialsSeen.free, count: capacity)
    for index in oldHashes.indices where oldPlaces[index] != SerialsSeen.free {
      var slot = SerialsSeen.start(oldHashes[index], capacity)
      while places[slot] != SerialsSeen.free { slot = (slot + 1) & (capacity - 1) }
      hashes[slot] = oldHashes[index]
      places[slot] = oldPlaces[index]
    }
  }
}
