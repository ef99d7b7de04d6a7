import Responder

/// What is told of the queue and of the places that sign.
extension WorkQueue {
  /// How a place fares.
  struct PlaceCondition {
    var isSigning: Bool
    /// Monotonic nanoseconds.
    var failingSince: Int64?
    var lostThreads: Int
    /// Threads for which the token has no session at present.
    var restingThreads: Int
    var lastFailure: String?
  }

  /// Why nothing signs for an issuer, as its places or its keys have said it last; nil where nothing was said.
  func whyNotSigning(_ issuer: IssuerIndex) -> String? {
    locked { health.whyNotSigning(issuer) }
  }

  func condition(place: Int) -> PlaceCondition {
    locked {
      PlaceCondition(
        isSigning: isSigning(place), failingSince: health.failingSince(place),
        lostThreads: places[place].lostThreads, restingThreads: places[place].restingThreads,
        lastFailure: health.lastFailure(place))
    }
  }

  /// Why keys are left alone until the next configuration.
  var disabledKeys: [(issuer: IssuerIndex, place: Int, why: String)] {
    locked { health.disabled.map { ($0.key.issuer, $0.key.place, $0.value) } }
  }

  /// Keys that are left alone for a while, in places that sign well with others.
  var suspendedKeys: [SigningHealth.KeyPlace] {
    locked { health.suspendedKeys }
  }

  func depth(_ lane: Schedule.Lane) -> Int {
    locked { schedule.depth(lane) }
  }
}
