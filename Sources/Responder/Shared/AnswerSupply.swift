public import CalendarTime

/// Where an origin's sharing finds everything that is signed ahead. Belongs to one thread; its calls may block on the store.
public protocol AnswerSupply: AnyObject {
  /// Begins with an issuer's answers from the first.
  func walk(_ issuer: Issuer) -> any AnswerWalk

  /// How long it can be promised that everything which is signed ahead for the issuer is there, if nobody signs anything any
  /// more; nil where it is not.
  ///
  /// - Parameter limit: a promise need not reach further.
  func completeUntil(_ limit: UnixTime, _ issuer: Issuer) throws(StoreError) -> UnixTime?
}

/// A way through an issuer's answers.
public protocol AnswerWalk: AnyObject {
  /// The next answers; nil at the end. Where it throws the same come again.
  func next() throws(StoreError) -> [Answer]?
}
