import CLinux
import Glibc

/// The system calls of the event loop, each with its EINTR and its errors in one place.
///
/// EBADF and EFAULT are mistakes of this program that would corrupt other connections: they end it.
public enum Linux {
  /// How a call that must not block ended.
  public enum Transfer: Sendable, Hashable {
    case bytes(Int)
    /// The other side has closed.
    case end
    case wouldBlock
    /// The connection is broken; the errno.
    case failed(Int32)
  }

  public static func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    transfer { unsafe avouch_receive(descriptor, buffer.baseAddress, buffer.count) }
  }

  /// Sends without a signal where the other side is gone.
  public static func send(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Transfer {
    transfer { unsafe avouch_send(descriptor, buffer.baseAddress, buffer.count) }
  }

  private static func transfer(_ call: () -> Int) -> Transfer {
    while true {
      let count = call()
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      case let code:
        precondition(code != EBADF && code != EFAULT, "a system call got a wrong descriptor or buffer")
        return .failed(code)
      }
    }
  }

  public static func close(_ descriptor: Int32) {
    // Never again on EINTR: Linux has closed it all the same, and the number may be somebody else's by now.
    let code = Glibc.close(descriptor)
    precondition(code == 0 || errno != EBADF, "a descriptor was closed twice")
  }

  /// Octets that a socket has received and nobody has read.
  public static func unread(_ descriptor: Int32) -> Int { Int(avouch_unread(descriptor)) }

  /// Half-closes: the other side reads an end, and may still send.
  public static func shutdownSending(_ descriptor: Int32) {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// How an accept ended.
  public enum Accepted: Sendable, Hashable {
    /// A non-blocking descriptor that is closed on exec.
    case connection(Int32)
    case none
    /// No descriptor is left in the process or the system.
    case outOfDescriptors
  }

  public static func accept(_ listener: Int32) -> Accepted {
    while true {
      let descriptor = avouch_accept(listener)
      if descriptor >= 0 { return .connection(descriptor) }
      switch errno {
      // A connection that was gone before it was accepted: the next one.
      case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH, ENETUNREACH: continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .outOfDescriptors
      case let code:
        precondition(code != EBADF && code != EINVAL, "accept on something that does not listen")
        return .none
      }
    }
  }

  /// The words for an errno.
  public static func errorText(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
  }
}

/// A system call that failed where the program cannot go on without it.
public struct SystemCallError: Error, Sendable, CustomStringConvertible {
  public var call: String
  public var code: Int32

  public init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  public var description: String { "\(call): \(Linux.errorText(code))" }
}

/// Which processors this process may run on.
public enum Processors {
  public static var count: Int { max(1, Int(avouch_processor_count())) }

  /// Binds the calling thread to the processor at that place of those allowed. Left undone where the system refuses:
  /// pinning makes things faster and never right or wrong.
  public static func pinThisThread(to place: Int) {
    let processor = avouch_processor_at(Int32(place % count))
    if processor >= 0 { _ = avouch_pin_this_thread(processor) }
  }
}
