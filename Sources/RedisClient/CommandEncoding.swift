import CHiredis
import Glibc

/// Commands as RESP writes them, by hiredis.
enum CommandEncoding {
  /// An upper bound of what `octets(of:)` will give.
  static func bound(_ words: [[UInt8]]) -> Int {
    words.reduce(32) { $0 + $1.count + 32 }
  }

  static func octets(of words: [[UInt8]]) -> [UInt8] {
    let counts = words.map(\.count)
    var pointers: [UnsafePointer<CChar>?] = unsafe []
    unsafe pointers.reserveCapacity(words.count)
    return unsafe withPointers(words[...], &pointers) { pointers in
      var target: UnsafeMutablePointer<CChar>?
      let count = unsafe redisFormatCommandArgv(&target, Int32(counts.count), &pointers, counts)
      guard count > 0, let target = unsafe target else { fatalError("no memory for a command to Redis") }
      defer { unsafe redisFreeCommand(target) }
      return unsafe [UInt8](UnsafeRawBufferPointer(start: target, count: Int(count)))
    }
  }

  /// Calls `body` where every word stays at its place: none of them is copied first.
  private static func withPointers(
    _ words: ArraySlice<[UInt8]>, _ pointers: inout [UnsafePointer<CChar>?],
    _ body: (inout [UnsafePointer<CChar>?]) -> [UInt8]
  ) -> [UInt8] {
    guard let first = words.first else { return unsafe body(&pointers) }
    return unsafe first.withUnsafeBytes { word in
      // An empty array has no address, and hiredis takes one for every word.
      let empty: StaticString = ""
      let start = unsafe word.baseAddress ?? UnsafeRawPointer(empty.utf8Start)
      unsafe pointers.append(start.assumingMemoryBound(to: CChar.self))
      return unsafe withPointers(words.dropFirst(), &pointers, body)
    }
  }
}
