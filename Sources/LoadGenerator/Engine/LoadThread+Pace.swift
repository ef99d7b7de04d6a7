import LoadReport

extension LoadThread {
  /// Sends that are made in one turn before answers are looked at again.
  private static let sendsOfATurn = 64

  /// Whether a request could be sent at once.
  var hasRoom: Bool { !roomy.isEmpty || !vacant.isEmpty }

  /// When the next request of the plan is due; nil where none is left.
  var nextPlanned: Int64? {
    guard let plan, !hasEnded else { return nil }
    guard again.isEmpty else { return 0 }
    let number = numberOfNext
    guard number < plan.count else { return nil }
    let time = plan.time(number)
    return time < sendEnd ? time : nil
  }

  private var numberOfNext: UInt64 { begun * UInt64(settings.threads) + UInt64(thread) }

  /// Open loop: sends what is due, as far as connections are free.
  mutating func sendDue() {
    guard !hasEnded else { return }
    var current: Int?
    for _ in 0..<LoadThread.sendsOfATurn {
      guard let next = nextPlanned, next <= now else { break }
      if again.isEmpty, now - next > timeout {
        // Nobody waits that long; so what waits is bounded by rate and timeout.
        dropNext(planned: next)
        continue
      }
      guard let slot = current ?? takeRoomy() else {
        isShortOfConnections = true
        break
      }
      if let entry = again.popLast() {
        give(entry, to: slot)
      } else {
        give(begin(planned: next), to: slot)
      }
      current = slot
      if slots[slot].count == depth {
        flush(slot)
        current = nil
      }
    }
    if let current { flush(current) }
  }

  private mutating func begin(planned: Int64) -> InFlight {
    let question = writer.questioner.question(numberOfNext)
    begun += 1
    // In a closed loop when it begins is known when it is sent.
    let isMeasured = plan != nil && tally.measured.contains(planned)
    return InFlight(question: question, planned: planned, sent: now, isMeasured: isMeasured)
  }

  private mutating func dropNext(planned: Int64) {
    begun += 1
    if tally.measured.contains(planned) { tally.recordFailures(.notSent) }
  }

  /// A slot with room, off its list: one with an open connection, else an empty one.
  private mutating func takeRoomy() -> Int? {
    while let slot = roomy.popLast() {
      slots[Int(slot)].isListed = false
      if slots[Int(slot)].phase == .open, slots[Int(slot)].count < depth { return Int(slot) }
    }
    while let slot = vacant.popLast() {
      if slots[Int(slot)].phase == .empty { return Int(slot) }
    }
    return nil
  }

  func place(_ slot: Int, _ offset: Int) -> Int {
    let place = slots[slot].first + offset
    return slot * depth + (place < depth ? place : place - depth)
  }

  private mutating func give(_ entry: InFlight, to slot: Int) {
    inFlight[place(slot, slots[slot].count)] = entry
    slots[slot].count += 1
    slots[slot].unsent += 1
    underWay += 1
  }

  /// Closed loop: gives a connection as many requests as it takes.
  mutating func fill(_ slot: Int) {
    guard now < sendEnd, slots[slot].phase == .open || slots[slot].phase == .empty else { return }
    while slots[slot].count < depth {
      if let entry = again.popLast() {
        give(entry, to: slot)
      } else {
        // When it is sent is known when it is.
        give(begin(planned: now), to: slot)
      }
    }
    flush(slot)
  }

  /// The slot has room: for the next of the plan, or in a closed loop for the next request at once.
  mutating func offer(_ slot: Int) {
    guard plan != nil else {
      fill(slot)
      return
    }
    if isShortOfConnections {
      isShortOfConnections = false
      freeSince = now
    }
    if slots[slot].phase == .empty {
      vacant.append(Int32(slot))
    } else if !slots[slot].isListed, slots[slot].count < depth {
      slots[slot].isListed = true
      roomy.append(Int32(slot))
    }
  }

  /// How late a send of the plan is for reasons of the client.
  mutating func recordLateness(_ entry: InFlight, sent: Int64) {
    guard plan != nil, entry.isMeasured else { return }
    tally.recordLateness(sent - max(entry.planned, freeSince))
  }

  /// What was to be sent again is not.
  mutating func giveUpAgain() {
    for entry in again where entry.isMeasured { tally.recordFailures(.notSent) }
    again.removeAll(keepingCapacity: true)
  }

  /// The measured time is over: what waits for a connection is not sent any more.
  mutating func giveUpWaiting() {
    giveUpAgain()
    guard let plan else { return }
    let all = share(plan.count(before: sendEnd))
    let warmUp = share(plan.count(before: min(tally.measured.lowerBound, sendEnd)))
    tally.planned = all - warmUp
    let waiting = all - min(all, max(begun, warmUp))
    if waiting > 0 { tally.recordFailures(.notSent, waiting) }
    begun = max(begun, all)
  }

  private func share(_ total: UInt64) -> UInt64 {
    SendPlan.share(of: total, thread: thread, threads: settings.threads)
  }
}
