import Responder

/// What becomes of orders that could not be signed, and of the places and keys that could not.
extension WorkQueue {
  /// An order could not be signed because of the place: it goes back in front, for whoever can.
  ///
  /// - Returns: the orders to be given up: this one where nothing signs for its issuer any more, and the questions that
  ///   nothing signs at present.
  func failed(_ order: Order, place: Int, message: String) -> [Order] {
    locked { placeFailed(order.issuer, place, message) + putBack(order, place) + questionsInVain(place) }
  }

  /// An order could not be signed with a key that is left alone from now on: it goes back for whoever can.
  func keyIsOut(_ order: Order, place: Int) -> [Order] {
    locked { putBack(order, place) }
  }

  /// The token has no session for one of its threads: the order goes back for the others, and the thread rests. Where there
  /// are no others the place has failed.
  ///
  /// - Returns: the orders to be given up, as `failed` does.
  func crowdedOut(_ order: Order, worker: WorkerState, place: Int, message: String) -> [Order] {
    let hasOthers = locked {
      if worker.restEnd > 0 { return true }
      guard places[place].threads - places[place].restingThreads > 1 else { return false }
      places[place].restingThreads += 1
      worker.rest(until: clock.monotonicNanoseconds() + WorkQueue.restNanoseconds)
      return true
    }
    guard hasOthers else { return failed(order, place: place, message: message) }
    return locked { putBack(order, place) }
  }

  /// Gives the rest of an order of many back to whoever is free. False where nothing signs for the issuer any more.
  func giveBack(_ order: Order, place: Int) -> Bool {
    locked { putBack(order, place).isEmpty }
  }

  /// Puts an order back in front, of which something may be done already. Returns it where nothing signs for its issuer.
  private func putBack(_ order: Order, _ place: Int) -> [Order] {
    let isTaken =
      if case .bulk(let bulk) = order.job {
        schedule.giveBack(
          order, rest: bulk.entries.count - bulk.next, place: place, now: clock.monotonicNanoseconds())
      } else {
        schedule.putBack(order)
      }
    if isTaken {
      ring(order.issuer)
      return []
    }
    guard health.isSuspended(order.issuer), order.lane != .miss else { return [order] }
    parked.append(order)
    return []
  }

  private func questionsInVain(_ place: Int) -> [Order] {
    isSigning(place) ? [] : schedule.removeQuestions { isSigning($0) }
  }

  /// One signature failed, and its order is done with. Returns the questions that nothing signs at present.
  func signatureFailed(_ issuer: IssuerIndex, place: Int, message: String) -> [Order] {
    locked { placeFailed(issuer, place, message) + questionsInVain(place) }
  }

  private func placeFailed(_ issuer: IssuerIndex, _ place: Int, _ message: String) -> [Order] {
    let hasChanged = health.failed(
      issuer, place: place, message: message, now: clock.monotonicNanoseconds(), chance: chance())
    return hasChanged ? reconfigure() : []
  }

  private func chance() -> Double { Double.random(in: 0...1, using: &random) }

  /// Failures before it are no longer in a row.
  func succeeded(_ issuer: IssuerIndex, place: Int) {
    locked { health.succeeded(issuer, place: place) }
  }

  /// - Parameter issuer: whose key was tried.
  /// - Returns: the orders that nothing signs at present.
  func trialEnded(_ issuer: IssuerIndex, place: Int, isGood: Bool, message: String?) -> [Order] {
    locked {
      let hasChanged = health.trialEnded(
        issuer, place: place, isGood: isGood, message: message, now: clock.monotonicNanoseconds(), chance: chance())
      defer { places[place].ringAll() }
      return (hasChanged ? reconfigure() : []) + questionsInVain(place)
    }
  }

  /// - Returns: how many threads the place has lost now.
  func threadLost(place: Int) -> Int {
    locked {
      places[place].lostThreads += 1
      return places[place].lostThreads
    }
  }

  func threadCameBack(place: Int) {
    locked {
      places[place].lostThreads -= 1
      places[place].bell.ringAll()
    }
  }
}
