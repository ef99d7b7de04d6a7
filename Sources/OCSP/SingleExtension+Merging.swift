import DER

extension SingleExtension {
  /// What is known of a certificate when a source names extensions of it: each of them in the place of what was held under
  /// its identifier, and what the source does not name as it was. To merge the same again changes nothing.
  ///
  /// - Parameters:
  ///   - held, incoming: whole `Extension` elements, one after the other. What is not DER cannot be merged: then
  ///     `incoming` alone counts, unless it is empty.
  ///   - maximumOctets: the bound on the result; held extensions that do not fit beside `incoming` are left out.
  public static func merged(held: [UInt8], incoming: [UInt8], maximumOctets: Int) -> [UInt8] {
    if incoming.isEmpty || held == incoming { return held }
    guard !held.isEmpty, let before = try? elements(held), let now = try? elements(incoming) else { return incoming }
    var room = maximumOctets - incoming.count
    var result: [UInt8] = []
    var placed: Set<[UInt8]> = []
    for element in before {
      let replacements = now.filter { $0.identifier == element.identifier }
      if !replacements.isEmpty {
        // In the place of the first one, so that two sources in turns do not change the order each time.
        if placed.insert(element.identifier).inserted { for one in replacements { result += one.octets } }
      } else if element.octets.count <= room {
        room -= element.octets.count
        result += element.octets
      }
    }
    for element in now where !placed.contains(element.identifier) { result += element.octets }
    return result
  }

  /// `extensions` without those of that identifier. What is not DER is left as it is.
  public static func removing(_ identifier: [UInt8], from extensions: [UInt8]) -> [UInt8] {
    guard contains(identifier, in: extensions), let found = try? elements(extensions) else { return extensions }
    return found.filter { $0.identifier != identifier }.flatMap(\.octets)
  }

  /// Whether one of `extensions` has that identifier; false for what is not DER.
  public static func contains(_ identifier: [UInt8], in extensions: [UInt8]) -> Bool {
    guard !extensions.isEmpty, let found = try? elements(extensions) else { return false }
    return found.contains { $0.identifier == identifier }
  }

  private struct Element {
    var identifier: [UInt8]
    /// The whole of it, as it came.
    var octets: [UInt8]
  }

  private static func elements(_ octets: [UInt8]) throws(DERError) -> [Element] {
    let span = octets.span
    var reader = DERReader(span)
    var found: [Element] = []
    while !reader.isAtEnd {
      let element = try reader.readElement()
      guard element.tag == .sequence else { throw DERError(.expected(.sequence), offset: element.start) }
      var fields = reader.inside(element.content)
      let identifier = try fields.read(.objectIdentifier)
      found.append(Element(identifier: Array(octets[identifier]), octets: Array(octets[element.whole])))
    }
    return found
  }
}
