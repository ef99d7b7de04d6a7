public import RedisClient

/// Commands that do everything a node needs, on keys of their own, and leave nothing behind: for those who set a fleet up.
public enum RedisProbe {
  private static let key = Array("avouch:check".utf8)

  /// In their order. Each is to be answered without an error.
  public static func commands(isEdge: Bool) -> [RedisCommand] {
    let lookups = [
      RedisCommand("GET", "avouch:check", keyAt: 1, isReadOnly: true),
      Scripts.discard.command(keys: [key], arguments: [[0], [0], Array("1".utf8)]),
      StreamReader.newest("avouch:updates"),
      RedisCommand("XREAD", "COUNT", "1", "STREAMS", "avouch:updates", "$", keyAt: 4),
    ]
    // An origin takes no notice of a want without a key.
    let want = RedisCommand(
      "XADD", "avouch:wanted", "MAXLEN", "~", "10000", "*", "k", "", keyAt: 1)
    guard !isEdge else { return lookups + [want] }
    let texts = ["check", "check", "0", "1", "1", "0", "0", ""].map { Array($0.utf8) }
    return lookups + [
      Scripts.claim.command(keys: [key], arguments: texts),
      Scripts.renew.command(keys: [key], arguments: ["0", "0", "1"].map { Array($0.utf8) }),
      Scripts.release.command(keys: [key], arguments: ["0", "0"].map { Array($0.utf8) }),
      RedisCommand("DEL", "avouch:check", keyAt: 1),
      Scripts.store.command(keys: [key], arguments: [[0], Array("1000".utf8), [0x30]]),
      RedisCommand("SET", "avouch:check", "0", "PX", "1000", "NX", keyAt: 1),
      RedisCommand("DEL", "avouch:check", keyAt: 1), want,
      RedisCommand("XREAD", "COUNT", "1", "STREAMS", "avouch:wanted", "$", keyAt: 4),
    ]
  }
}
