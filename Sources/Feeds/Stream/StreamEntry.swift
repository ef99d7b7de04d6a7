import RedisClient

/// One entry of a stream of events: `payload` is what a webhook's body would be, `id` the name by which it is known when it comes
/// again (the entry's own where there is none).
struct StreamEntry: Hashable {
  /// `1700000000000-0`.
  var place: String
  var id: String
  /// Nil where there is no such field.
  var payload: [UInt8]?
  /// All of it, for those who look at what could not be taken.
  var fields: [[UInt8]]

  /// Nil for a reply that is no entry, and for one that was deleted meanwhile.
  init?(_ value: RedisValue) {
    guard let parts = value.elements, parts.count == 2, let place = parts[0].text, let words = parts[1].elements else {
      return nil
    }
    self.place = place
    id = place
    fields = words.compactMap(\.octets)
    for index in stride(from: 0, to: fields.count - 1, by: 2) {
      switch String(decoding: fields[index], as: UTF8.self) {
      case "id": id = String(decoding: fields[index + 1], as: UTF8.self)
      case "payload": payload = fields[index + 1]
      default: break
      }
    }
  }

  /// The entries of one stream in a reply of XREADGROUP, or those of XCLAIM.
  static func read(_ value: RedisValue, isOfStreams: Bool) -> [StreamEntry] {
    guard isOfStreams else { return (value.elements ?? []).compactMap { StreamEntry($0) } }
    return (value.elements ?? []).flatMap { read($0.elements?.last ?? .null, isOfStreams: false) }
  }
}
