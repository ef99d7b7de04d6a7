import CHiredis

/// Turns what a server sends into replies, by hiredis. Belongs to one connection.
@safe
final class ReplyReader {
  /// The stream cannot be read on.
  struct Failure: Error, Sendable {
    var why: String
  }

  private let reader: UnsafeMutablePointer<redisReader>
  private let maximumReplyOctets: Int
  private var fedOctets = 0
  private var octetsBeforeThisReply = 0

  init(maximumReplyOctets: Int) {
    self.maximumReplyOctets = max(1, maximumReplyOctets)
    guard let reader = unsafe redisReaderCreateWithFunctions(ReplyBuilder.functions) else {
      fatalError("no memory for a reader of Redis replies")
    }
    // An element has three octets at least.
    unsafe reader.pointee.privdata = UnsafeMutableRawPointer(bitPattern: self.maximumReplyOctets / 3 + 1)
    unsafe self.reader = unsafe reader
  }

  deinit {
    unsafe redisReaderFree(reader)
  }

  func feed(_ octets: UnsafeRawBufferPointer) throws(Failure) {
    guard let start = octets.baseAddress, unsafe !octets.isEmpty else { return }
    fedOctets += octets.count
    let code = unsafe redisReaderFeed(reader, start.assumingMemoryBound(to: CChar.self), octets.count)
    guard code == REDIS_OK else { throw failure }
  }

  /// The next whole reply; nil where it is still on its way.
  func next() throws(Failure) -> RedisValue? {
    var object: UnsafeMutableRawPointer?
    guard unsafe redisReaderGetReply(reader, &object) == REDIS_OK else { throw failure }
    let unread = Int(unsafe reader.pointee.len) - Int(unsafe reader.pointee.pos)
    let reply = unsafe object.map { object in unsafe ReplyBuilder.take(object) }
    let end = reply == nil ? fedOctets : fedOctets - unread
    guard end - octetsBeforeThisReply <= maximumReplyOctets else { throw tooLong }
    if reply != nil { octetsBeforeThisReply = end }
    return reply
  }

  private var tooLong: Failure { Failure(why: "a reply of more than \(maximumReplyOctets) octets") }

  private var failure: Failure {
    // What `ReplyBuilder` refuses is "out of memory" to hiredis.
    if unsafe reader.pointee.err == REDIS_ERR_OOM { return tooLong }
    let text = unsafe withUnsafeBytes(of: reader.pointee.errstr) { unsafe Array($0.prefix { $0 != 0 }) }
    return Failure(why: "what came is no RESP: \(String(decoding: text, as: UTF8.self))")
  }
}

/// The values that hiredis asks for while it reads. Elements go straight into the array they belong to.
private final class ReplyBuilder {
  var value: RedisValue
  var elements: [RedisValue] = []
  /// Arrays inside this one, and their places.
  var arrays: [(place: Int, builder: ReplyBuilder)] = []

  init(_ value: RedisValue) {
    self.value = value
  }

  var finished: RedisValue {
    guard case .array = value else { return value }
    for (place, builder) in arrays { elements[place] = builder.finished }
    return .array(elements)
  }

  /// The reply that hiredis gives up.
  static func take(_ object: UnsafeMutableRawPointer) -> RedisValue {
    unsafe Unmanaged<ReplyBuilder>.fromOpaque(object).takeRetainedValue().finished
  }

  private static let okText = Array("OK".utf8)
  // Nobody changes it: it has no elements.
  nonisolated(unsafe) private static let ok = ReplyBuilder(.simple("OK"))

  // hiredis keeps the address of the table for as long as a reader lives.
  nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
    let table = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    unsafe table.initialize(
      to: redisReplyObjectFunctions(
        createString: { task, start, count in unsafe ReplyBuilder.string(task, start, count) },
        createArray: { task, count in unsafe ReplyBuilder.array(task, count) },
        createInteger: { task, number in unsafe ReplyBuilder.add(.integer(number), to: task) },
        createNil: { task in unsafe ReplyBuilder.add(.null, to: task) },
        freeObject: { object in
          if let object = unsafe object { unsafe Unmanaged<ReplyBuilder>.fromOpaque(object).release() }
        }))
    return unsafe table
  }()

  private static func string(
    _ task: UnsafePointer<redisReadTask>?, _ start: UnsafeMutablePointer<CChar>?, _ count: Int
  ) -> UnsafeMutableRawPointer? {
    let octets = unsafe UnsafeRawBufferPointer(start: start, count: count)
    // What writes are answered with, by the thousand.
    if unsafe task?.pointee.type == REDIS_REPLY_STATUS, unsafe task?.pointee.parent == nil,
      unsafe octets.elementsEqual(ReplyBuilder.okText)
    {
      return unsafe Unmanaged.passRetained(ReplyBuilder.ok).toOpaque()
    }
    let value: RedisValue =
      switch unsafe task?.pointee.type {
      case REDIS_REPLY_STATUS: unsafe .simple(String(decoding: octets, as: UTF8.self))
      case REDIS_REPLY_ERROR: unsafe .error(String(decoding: octets, as: UTF8.self))
      default: unsafe .bulk([UInt8](octets))
      }
    return unsafe add(value, to: task)
  }

  private static func array(_ task: UnsafePointer<redisReadTask>?, _ count: Int32) -> UnsafeMutableRawPointer? {
    guard let task = unsafe task, unsafe Int(count) <= Int(bitPattern: task.pointee.privdata) else { return nil }
    let builder = ReplyBuilder(.array([]))
    guard let parent = unsafe task.pointee.parent?.pointee.obj else {
      return unsafe Unmanaged.passRetained(builder).toOpaque()
    }
    let outer = unsafe Unmanaged<ReplyBuilder>.fromOpaque(parent).takeUnretainedValue()
    outer.arrays.append((outer.elements.count, builder))
    outer.elements.append(.null)
    // The outer one keeps it.
    return unsafe Unmanaged.passUnretained(builder).toOpaque()
  }

  private static func add(
    _ value: RedisValue, to task: UnsafePointer<redisReadTask>?
  ) -> UnsafeMutableRawPointer? {
    guard let parent = unsafe task?.pointee.parent?.pointee.obj else {
      return unsafe Unmanaged.passRetained(ReplyBuilder(value)).toOpaque()
    }
    unsafe Unmanaged<ReplyBuilder>.fromOpaque(parent).takeUnretainedValue().elements.append(value)
    // Anything but NULL: hiredis never looks at it.
    return unsafe parent
  }
}
