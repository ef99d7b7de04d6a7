/// Whom a connection serves. All calls come on the client's thread.
protocol ConnectionOwner: AnyObject {
  /// Logged in, and PING was answered.
  func connectionIsReady(_ connection: Connection, role: ReportedRole?)
  func connection(_ connection: Connection, received reply: RedisValue)
  /// There is room for more commands.
  func connectionHasRoom(_ connection: Connection)
  /// Nothing has happened on it for a while.
  func connectionIsIdle(_ connection: Connection)
  /// It failed; nothing more comes of it. Never for what the owner closed itself.
  func connectionEnded(_ connection: Connection, why: String)
}
