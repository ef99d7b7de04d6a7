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
    var joined: [UInt8] = []
    joined.reserveCapacity(counts.reduce(0, +))
    for word in words { joined += word }
    return unsafe joined.withUnsafeBytes { buffer in
      // An empty array has no address, and hiredis takes one for every word.
      let empty: StaticString = ""
      let nowhere = unsafe UnsafeRawPointer(empty.utf8Start)
      let start = unsafe buffer.baseAddress ?? nowhere
      var offset = 0
      var pointers: [UnsafePointer<CChar>?] = unsafe []
      for count in counts {
        let word = unsafe start + offset
        unsafe pointers.append(word.assumingMemoryBound(to: CChar.self))
        offset += count
      }
      var target: UnsafeMutablePointer<CChar>?
      let count = unsafe redisFormatCommandArgv(&target, Int32(words.count), &pointers, counts)
      guard count > 0, let target = unsafe target else { fatalError("no memory for a command to Redis") }
      defer { unsafe redisFreeCommand(target) }
      return unsafe [UInt8](UnsafeRawBufferPointer(start: target, count: Int(count)))
    }
  }
}
