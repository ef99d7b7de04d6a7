import RedisClient

/// One entry of a stream of events: `payload` is what a webhook's body would be, `id` the name by which it is known when it comes
/// again (the entry's own where there is none).
struct StreamEntry: Hashable {
  /// `1700000000000-0`.
  var place: String
  /// Nil for one that is no text of 1 to 256 characters without control characters: two of them might be taken for one.
  var id: String?
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
      case "id": id = StreamEntry.name(fields[index + 1])
      case "payload": payload = fields[index + 1]
      default: break
      }
    }
  }

  private static func name(_ octets: [UInt8]) -> String? {
    guard (1...maximumIDOctets).contains(octets.count), let text = String(validating: octets, as: UTF8.self),
      !text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
    else { return nil }
    return text
  }

  private static let maximumIDOctets = 256

  /// The entries of one stream in a reply of XREADGROUP, or those of XCLAIM.
  static func read(_ value: RedisValue, isOfStreams: Bool) -> [StreamEntry] {
    guard isOfStreams else { return (value.elements ?? []).compactMap { StreamEntry($0) } }
    return (value.elements ?? []).flatMap { read($0.elements?.last ?? .null, isOfStreams: false) }
  }
}
