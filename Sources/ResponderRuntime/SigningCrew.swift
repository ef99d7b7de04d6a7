import EventLoop
import Metrics
import Responder
import Synchronization

/// What others may know of a signing thread. Any thread may read.
final class WorkerState: Sendable {
  private static let idle: Int64 = 0
  private static let abandoned: Int64 = -1
  /// The monotonic nanosecond at which the call under way began, or one of the above.
  private let callBegan = Atomic<Int64>(idle)
  private let order = Mutex<Held>(Held())
  private let restsUntil = Atomic<Int64>(0)

  /// An order of many, and one that was let in between.
  private struct Held: Sendable {
    var orders: [WorkQueue.Order] = []
    var trial: IssuerIndex?
  }

  var isAbandoned: Bool { callBegan.load(ordering: .acquiring) == WorkerState.abandoned }

  /// What it works on, for whoever has to put it back.
  func hold(_ order: WorkQueue.Order) { self.order.withLock { $0.orders.append(order) } }
  /// The last one that it took is done with.
  func release() { order.withLock { _ = $0.orders.popLast() } }
  var held: [WorkQueue.Order] { order.withLock { $0.orders } }

  /// The issuer whose key it tries at present.
  var trial: IssuerIndex? { order.withLock { $0.trial } }
  func tries(_ issuer: IssuerIndex?) { order.withLock { $0.trial = issuer } }

  /// The monotonic nanosecond until which it takes no work, for want of a session; 0 for none.
  var restEnd: Int64 { restsUntil.load(ordering: .relaxed) }
  func rest(until end: Int64) { restsUntil.store(end, ordering: .relaxed) }

  func callBegins(at now: Int64) {
    callBegan.store(max(1, now), ordering: .releasing)
  }

  /// False where the thread was given up meanwhile: what the call gave belongs to nobody.
  func callEnds() -> Bool {
    let began = callBegan.load(ordering: .acquiring)
    return began != WorkerState.abandoned
      && callBegan.compareExchange(
        expected: began, desired: WorkerState.idle, ordering: .acquiringAndReleasing
      ).exchanged
  }

  /// Gives the thread up where its call has lasted too long. True for the one caller who did.
  func abandon(ifCallBeganBefore limit: Int64) -> Bool {
    let began = callBegan.load(ordering: .acquiring)
    guard began > WorkerState.idle, began < limit else { return false }
    return callBegan.compareExchange(
      expected: began, desired: WorkerState.abandoned, ordering: .acquiringAndReleasing
    ).exchanged
  }
}

/// The signing threads of every place: starts them, and gives up those whose call never returns.
///
/// A call into a token's module cannot be ended from outside. It costs its thread; another takes its place, up to a
/// bound, and what was to be signed goes back into the queue.
final class SigningCrew: Sendable {
  private struct Member {
    var thread: NamedThread
    var state: WorkerState
    var place: Int
  }

  private let runtime: ResponderRuntime
  private let members = Mutex<[Member]>([])
  private let started = Atomic<Int>(0)

  init(_ runtime: ResponderRuntime) {
    self.runtime = runtime
  }

  /// Starts the threads that a directory's places lack.
  func fill(_ directory: IssuerDirectory) throws(StoreError) {
    let used = Set(directory.placesOfIssuers.joined())
    for number in directory.places.indices where used.contains(number) {
      let hasGivenUp = runtime.queue.condition(place: number).lostThreads >= WorkQueue.lostThreadLimit
      let wanted = hasGivenUp ? 0 : directory.places[number].threads
      let present = members.withLock { members in members.count { $0.place == number } }
      for _ in 0..<max(0, wanted - present) { try addMember(place: number) }
    }
  }

  private func addMember(place: Int) throws(StoreError) {
    let state = WorkerState()
    let number = started.wrappingAdd(1, ordering: .relaxed).oldValue
    let worker = SigningWorker(
      runtime: runtime, session: try runtime.store.openSession(), place: place, number: number, state: state)
    let crew = self
    let thread = NamedThread(name: "sign-\(number)") {
      worker.run()
      if state.isAbandoned { crew.cameBack(place: place) }
    }
    members.withLock { $0.append(Member(thread: thread, state: state, place: place)) }
  }

  /// Looks for calls that have lasted too long. To be called a few times a second.
  func watch() {
    let directory = runtime.directory
    let now = runtime.clock.monotonicNanoseconds()
    let lost = members.withLock { members -> [Member] in
      let lost = members.filter { member in
        guard let deadline = directory.places[member.place].callDeadlineMilliseconds else { return false }
        return member.state.abandon(ifCallBeganBefore: now - deadline * 1_000_000)
      }
      members.removeAll { member in lost.contains { $0.state === member.state } }
      return lost
    }
    for member in lost { give(up: member, directory) }
  }

  private func give(up member: Member, _ directory: IssuerDirectory) {
    member.thread.detach()
    let place = directory.places[member.place]
    let count = runtime.queue.threadLost(place: member.place)
    runtime.counters.lostThreads.add(1)
    let message = "a call did not return within \(place.callDeadlineMilliseconds ?? 0) ms"
    runtime.log.warning("\(place.name): \(message); its thread is given up (\(count) of \(WorkQueue.lostThreadLimit))")
    let held = member.state.held
    for order in held {
      for order in runtime.queue.failed(order, place: member.place, message: message) { runtime.giveUp(order) }
    }
    if let issuer = member.state.trial {
      for order in runtime.queue.trialEnded(issuer, place: member.place, isGood: false, message: message) {
        runtime.giveUp(order)
      }
    }
    if count < WorkQueue.lostThreadLimit { replace(member.place) }
  }

  /// A call that was given up has returned after all, and its thread has ended.
  private func cameBack(place: Int) {
    runtime.queue.threadCameBack(place: place)
    guard !runtime.isStopping else { return }
    runtime.log.info("\(runtime.directory.places[place].name): a call that was given up has returned")
    replace(place)
  }

  private func replace(_ place: Int) {
    do {
      let wanted = runtime.directory.places[place].threads
      guard members.withLock({ members in members.count { $0.place == place } }) < wanted else { return }
      try addMember(place: place)
    } catch {
      runtime.failures.warn("no signing thread could be started: \(error)")
    }
  }

  /// Starts what could not be started when it was wanted. To be called every few seconds.
  func mend() {
    guard !runtime.isStopping else { return }
    do {
      try fill(runtime.directory)
    } catch {
      runtime.failures.warn("no signing thread could be started: \(error)")
    }
  }

  /// Waits for the threads to end, after the queue was closed; those whose call does not return are left behind.
  func join() {
    while true {
      watch()
      let next = members.withLock { members -> Member? in members.popLast() }
      guard let next else { return }
      joinOrGiveUp(next)
    }
  }

  private func joinOrGiveUp(_ member: Member) {
    guard let deadline = runtime.directory.places[member.place].callDeadlineMilliseconds else {
      member.thread.join()
      return
    }
    let end = runtime.clock.monotonicNanoseconds() + 2 * deadline * 1_000_000
    // In steps: the thread may be in a call that never returns.
    while !member.thread.join(milliseconds: 20) {
      let now = runtime.clock.monotonicNanoseconds()
      guard member.state.abandon(ifCallBeganBefore: now - deadline * 1_000_000) || now > end else { continue }
      member.thread.detach()
      _ = runtime.queue.threadLost(place: member.place)
      return
    }
  }
}
