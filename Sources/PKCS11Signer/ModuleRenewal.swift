import EventLoop
import Synchronization

/// Signs of life of a module, by which it is decided whether to take its library down and up again.
final class ModuleHealth: Sendable {
  /// So long nothing of the module must have succeeded, and so far renewals are apart.
  let patienceMilliseconds = Atomic<Int64>(10_000)
  private let lastSuccess = Atomic<Int64>(0)
  private let lastRenewal = Atomic<Int64>(.min / 2)
  /// How many open sessions there are at each slot.
  private let sessions = Mutex<[UInt: Int]>([:])

  /// In milliseconds.
  private static func now() -> Int64 { MonotonicTime.now().nanoseconds / 1_000_000 }

  func succeeded() { lastSuccess.store(ModuleHealth.now(), ordering: .relaxed) }
  func renewed() { lastRenewal.store(ModuleHealth.now(), ordering: .relaxed) }

  var isSilent: Bool {
    let (now, patience) = (ModuleHealth.now(), patienceMilliseconds.load(ordering: .relaxed))
    return now - lastSuccess.load(ordering: .relaxed) >= patience
      && now - lastRenewal.load(ordering: .relaxed) >= patience
  }

  func opened(_ slot: UInt) { sessions.withLock { $0[slot, default: 0] += 1 } }

  func closed(_ slot: UInt) {
    sessions.withLock { sessions in
      let count = (sessions[slot] ?? 0) - 1
      sessions[slot] = count > 0 ? count : nil
    }
  }

  var slotsInUse: [UInt] { sessions.withLock { Array($0.keys) } }
}

extension TokenModule {
  /// What became of a renewal.
  enum Renewal {
    case done
    /// Another token of the module works, and would lose its sessions and its login.
    case othersWork
    /// Not the time for it, or a thread is in a call, from under which C_Finalize would pull the ground (PKCS#11 2.40
    /// 5.4).
    case notNow
  }

  /// C_Finalize and C_Initialize, for a library that does not find a token: some look for them only when they start,
  /// and SoftHSM's slots never answer again once their token was gone for a moment.
  ///
  /// - Parameter generation: when the caller looked. Where somebody has done it since, nothing is done.
  func renew(after generation: UInt) -> Renewal {
    guard self.generation == generation else { return .done }
    guard health.isSilent else { return .notNow }
    return gate.alone {
      guard self.generation == generation else { return .done }
      guard health.isSilent, let cryptoki = try? cryptoki() else { return .notNow }
      // A session may be idle for long: whether its token works is asked of the token.
      if health.slotsInUse.contains(where: { (try? cryptoki.tokenInfo($0)) != nil }) { return .othersWork }
      health.renewed()
      return restart() ? .done : .notNow
    } ?? .notNow
  }
}
