import CLinux
import Glibc

/// Signals that end or wake the program, taken by a thread that waits for them rather than by a handler.
public enum Signals {
  /// Blocks SIGTERM, SIGINT and SIGHUP for this thread and all it starts from now on, and ignores SIGPIPE. To be
  /// called first of all.
  public static func takeOver() {
    var set = signals()
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    ignoreBrokenPipes()
  }

  /// Writing to a reader that is gone gives an error, and does not end the program.
  public static func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
  }

  /// Waits for one of them and gives its number.
  public static func wait() -> Int32 {
    var set = signals()
    var number: Int32 = 0
    while unsafe sigwait(&set, &number) != 0 {}
    return number
  }

  private static func signals() -> sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, number) }
    return set
  }
}
