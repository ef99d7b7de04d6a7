import CalendarTime
import FoundationEssentials

/// The body of an event: the payload of a Standard Webhook, or a CloudEvent in its JSON format, which differ in their names
/// for the time alone.
struct EventPayload: Decodable {
  enum Kind: String, CaseIterable {
    case revoked = "certificate.revoked"
    case issued = "certificate.issued"
    case released = "certificate.released"
    case compromised = "issuer.compromised"
  }

  /// One certificate as an event has it; what its event's kind does not allow is refused.
  struct Certificate {
    var serial: String
    var notAfter: UnixTime?
    var revokedAt: UnixTime?
    var reason: String?
  }

  /// What is wrong, and where.
  struct Failure: Error, Hashable {
    /// `data.certificates[3].serial`; empty for the body as a whole.
    var field: String
    var why: String

    var text: String { field.isEmpty ? why : "\(field): \(why)" }
  }

  /// Certificates of one event.
  static let maximumCertificates = 100_000

  var kind: Kind
  /// What the event calls its time.
  var timeField: String
  var time: UnixTime
  var issuer: String
  /// At least one, save where the issuer itself is compromised.
  var certificates: [Certificate]
  /// Whether they stand in a list, though there may be but one.
  var isList = false
  /// Of `issuer.compromised`: since when.
  var since: UnixTime?

  static func read(_ body: Span<UInt8>) throws(Failure) -> EventPayload {
    try JSONShape.check(body)
    var data = Data()
    unsafe body.withUnsafeBufferPointer { unsafe data.append($0) }
    do {
      return try JSONDecoder().decode(EventPayload.self, from: data)
    } catch let failure as Failure {
      throw failure
    } catch let error as DecodingError {
      throw Failure(error)
    } catch {
      throw Failure(field: "", why: "\(error)")
    }
  }

  init(from decoder: any Decoder) throws {
    let root = try decoder.container(keyedBy: Name.self)
    let type = try root.text("type")
    guard let kind = Kind(rawValue: type) else {
      let known = Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw root.failure("type", "\"\(type.shortened)\" is not known here; one of \(known) is expected")
    }
    self.kind = kind
    // A CloudEvent says which version it has (CloudEvents 1.0, 3.1).
    let isCloudEvent = root.contains(Name("specversion"))
    if isCloudEvent, try root.text("specversion") != "1.0" {
      throw root.failure("specversion", "\"1.0\" is expected")
    }
    timeField = isCloudEvent ? "time" : "timestamp"
    time = try root.time(timeField)
    let data = try root.nested("data")
    issuer = try data.text("issuer")
    if kind == .compromised {
      try data.expect(["issuer", "since"])
      since = try data.optionalTime("since")
      certificates = []
      return
    }
    let fields = EventPayload.fields(of: kind)
    if data.contains(Name("certificates")) {
      try data.expect(["issuer", "certificates"])
      certificates = try EventPayload.list(data, fields)
      isList = true
    } else {
      try data.expect(["issuer"] + fields)
      certificates = [try Certificate(data)]
    }
  }

  private static func fields(of kind: Kind) -> [String] {
    switch kind {
    case .revoked: ["serial", "notAfter", "revokedAt", "reason"]
    case .issued: ["serial", "notAfter"]
    case .released, .compromised: ["serial"]
    }
  }

  private static func list(_ data: KeyedDecodingContainer<Name>, _ fields: [String]) throws -> [Certificate] {
    var list = try data.nestedUnkeyedContainer(forKey: Name("certificates"))
    var certificates: [Certificate] = []
    certificates.reserveCapacity(min(list.count ?? 0, maximumCertificates))
    while !list.isAtEnd {
      guard certificates.count < maximumCertificates else {
        throw data.failure("certificates", "more than \(maximumCertificates); send them in several events")
      }
      let entry = try list.nestedContainer(keyedBy: Name.self)
      try entry.expect(fields)
      certificates.append(try Certificate(entry))
    }
    guard !certificates.isEmpty else { throw data.failure("certificates", "is empty; at least one is expected") }
    return certificates
  }
}

extension EventPayload.Certificate {
  fileprivate init(_ container: KeyedDecodingContainer<Name>) throws {
    serial = try container.text("serial")
    notAfter = try container.optionalTime("notAfter")
    revokedAt = try container.optionalTime("revokedAt")
    reason = try container.optionalText("reason")
  }
}

extension EventPayload.Failure {
  fileprivate init(_ error: DecodingError) {
    switch error {
    case .dataCorrupted(let context):
      self.init(field: context.codingPath.shown, why: "this is no JSON: \(context.debugDescription)")
    case .keyNotFound(let key, let context):
      self.init(field: (context.codingPath + [key]).shown, why: "is missing")
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      self.init(field: context.codingPath.shown, why: context.debugDescription)
    @unknown default:
      self.init(field: "", why: "\(error)")
    }
  }
}

/// Any name of a member of an object.
struct Name: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }

  init(_ text: String) { stringValue = text }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension [any CodingKey] {
  /// `data.certificates[3].serial`.
  fileprivate var shown: String {
    reduce(into: "") { path, key in
      if let place = key.intValue {
        path += "[\(place)]"
      } else {
        path += path.isEmpty ? key.stringValue : "." + key.stringValue
      }
    }
  }
}

extension String {
  /// For messages: what a client has sent may be long.
  /// Nothing in it can end a line, or drive a terminal.
  var shortened: String {
    var text = ""
    for (place, scalar) in unicodeScalars.enumerated() {
      guard place < 64 else { return text + "…" }
      let isPlain = scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
      text.unicodeScalars.append(isPlain ? scalar : "\u{FFFD}")
    }
    return text
  }
}

extension KeyedDecodingContainer<Name> {
  fileprivate func failure(_ name: String, _ why: String) -> EventPayload.Failure {
    EventPayload.Failure(field: (codingPath + [Name(name)]).shown, why: why)
  }

  fileprivate func text(_ name: String) throws -> String {
    guard let text = try optionalText(name) else { throw failure(name, "is missing") }
    return text
  }

  fileprivate func optionalText(_ name: String) throws -> String? {
    guard contains(Name(name)) else { return nil }
    guard let text = try? decode(String.self, forKey: Name(name)) else { throw failure(name, "a text is expected") }
    return text
  }

  fileprivate func time(_ name: String) throws -> UnixTime {
    guard let time = try optionalTime(name) else { throw failure(name, "is missing") }
    return time
  }

  fileprivate func optionalTime(_ name: String) throws -> UnixTime? {
    guard let text = try optionalText(name) else { return nil }
    guard let time = EventTime.parse(text) else {
      throw failure(name, "\"\(text.shortened)\" is no time; as 2026-01-31T12:00:00Z is expected")
    }
    return time
  }

  fileprivate func nested(_ name: String) throws -> KeyedDecodingContainer<Name> {
    guard contains(Name(name)) else { throw failure(name, "is missing") }
    guard let container = try? nestedContainer(keyedBy: Name.self, forKey: Name(name)) else {
      throw failure(name, "an object is expected")
    }
    return container
  }

  /// Refuses members that are not among these: a reason that is spelt wrongly must not be lost.
  fileprivate func expect(_ names: [String]) throws {
    for key in allKeys where !names.contains(key.stringValue) {
      let expected = names.map { "\"\($0)\"" }.joined(separator: ", ")
      throw failure(key.stringValue.shortened, "is not expected here; what may be is \(expected)")
    }
  }
}
