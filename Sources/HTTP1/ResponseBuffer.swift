/// Where a worker writes its answers: a fixed stretch of memory that is sent and filled again.
///
/// Appending never allocates. What does not fit is left out, and `isOverflowed` tells: the worker keeps enough room
/// for the largest answer, so that this is a mistake of the program, which costs one connection and nothing else.
@safe
public struct ResponseBuffer: ~Copyable {
  private let base: UnsafeMutablePointer<UInt8>
  public let capacity: Int
  public private(set) var count = 0
  public private(set) var isOverflowed = false

  public init(capacity: Int) {
    self.capacity = capacity
    unsafe base = .allocate(capacity: capacity)
  }

  deinit {
    unsafe base.deallocate()
  }

  public var remaining: Int { capacity - count }

  /// What has been written.
  public var octets: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get {
      let span = unsafe Span(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The octets from `start` on, for a system call.
  public func withUnsafeBytes<Result>(from start: Int = 0, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    precondition(start >= 0 && start <= count)
    return unsafe body(UnsafeRawBufferPointer(start: base + start, count: count - start))
  }

  /// Forgets everything from `count` on: an answer that was begun and is not to be sent.
  public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
    isOverflowed = false
  }

  public mutating func append(_ text: StaticString) {
    let size = text.utf8CodeUnitCount
    guard reserve(size) else { return }
    unsafe (base + count).update(from: text.utf8Start, count: size)
    count += size
  }

  public mutating func append(_ span: Span<UInt8>) {
    let size = span.count
    guard size > 0, reserve(size) else { return }
    let target = unsafe base + count
    unsafe span.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { unsafe target.update(from: start, count: size) }
    }
    count += size
  }

  public mutating func append(_ octets: [UInt8]) {
    append(octets.span)
  }

  /// Appends `size` octets that `body` writes, all of them.
  public mutating func append(_ size: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Void) {
    guard reserve(size) else { return }
    unsafe body(base + count)
    count += size
  }

  /// Appends what `body` writes, which says how many octets that is; it may touch `size` of them.
  public mutating func append(atMost size: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) {
    guard reserve(size) else { return }
    let written = unsafe body(base + count)
    precondition(written >= 0 && written <= size)
    count += written
  }

  public mutating func append(_ octet: UInt8) {
    guard reserve(1) else { return }
    unsafe base[count] = octet
    count += 1
  }

  public mutating func append(_ date: HTTPDate.Text) {
    append(date.octets.span)
  }

  /// A number that is not negative, in decimal digits.
  public mutating func appendDecimal(_ number: Int) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var span = digits.mutableSpan
    let count = unsafe span.withUnsafeMutableBufferPointer { target in
      unsafe target.baseAddress.map { unsafe DecimalText.write(UInt64(max(0, number)), to: $0) } ?? 0
    }
    append(digits.span.extracting(0..<count))
  }

  private mutating func reserve(_ size: Int) -> Bool {
    if size <= capacity - count { return true }
    isOverflowed = true
    return false
  }
}
