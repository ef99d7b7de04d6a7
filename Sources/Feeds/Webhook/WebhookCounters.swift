/// What the receiver has answered.
public final class WebhookCounters: Sendable {
  public let taken = FeedCounter()
  public let repeated = FeedCounter()
  public let contradicted = FeedCounter()
  /// Not what an event looks like.
  public let malformed = FeedCounter()
  /// Without the header fields of a signed message.
  public let unsigned = FeedCounter()
  public let badSignatures = FeedCounter()
  /// Too old, or ahead.
  public let untimely = FeedCounter()
  /// Signed by somebody who may not speak for that issuer.
  public let foreignIssuers = FeedCounter()
  public let tooMany = FeedCounter()
  /// No room, no database, or not the origin at present.
  public let unavailable = FeedCounter()
  /// To another path, or with another method.
  public let strays = FeedCounter()

  /// With the word that metrics have for each.
  public var all: [(result: String, count: UInt64)] {
    [
      ("taken", taken.current), ("repeated", repeated.current), ("contradicted", contradicted.current),
      ("malformed", malformed.current), ("unsigned", unsigned.current), ("bad_signature", badSignatures.current),
      ("untimely", untimely.current), ("foreign_issuer", foreignIssuers.current), ("too_many", tooMany.current),
      ("unavailable", unavailable.current), ("stray", strays.current),
    ]
  }
}
