import Synchronization

/// The call into any module that was begun last: the one that hangs, where one thread alone works with tokens.
public enum LastCall {
  // The address of a literal, which ends with a zero octet and is never moved; 0 before the first call.
  private static let begun = Atomic<UInt>(0)

  static func begin(_ call: StaticString) {
    begun.store(UInt(bitPattern: unsafe call.utf8Start), ordering: .relaxed)
  }

  /// `C_Login`; nil before the first call.
  public static var name: String? {
    unsafe UnsafePointer<UInt8>(bitPattern: begun.load(ordering: .relaxed)).map { unsafe String(cString: $0) }
  }
}
