import CalendarTime
import OCSP
import Responder

/// `avouch status`.
enum StatusCommand {
  static let usage = """
    usage: avouch status --config FILE --issuer NAME --serial HEX [--json]

    Shows what the store holds of one certificate, and what the running responder has in memory. Changes nothing.

    Exit code: 0 good; 1 revoked or not on record; 2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(
      values: ["--config", "--issuer", "--serial"], flags: ["--json"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let issuerName = try arguments.required("--issuer")
    let serialText = try arguments.required("--serial")
    guard let serial = SerialNumber(hexadecimal: serialText) else {
      throw arguments.wrong("--serial: '\(serialText)' is not a serial number in hexadecimal")
    }
    let view = try StoreView(
      configurationPath: try arguments.required("--config"), issuerName: issuerName)
    let cached = try ControlClient(view.configuration).answers(issuer: issuerName, serial: serial.hexadecimal)
    let reading = try view.status(serial)
    let report = StatusReport(
      serial: serial, issuer: issuerName, reading: reading, stored: try view.responses(serial), cached: cached)
    Terminal.print(arguments.has("--json") ? report.json : report.text)
    return reading.record?.status == .good ? .fine : .no
  }
}

/// What is known of one certificate, for a person or as JSON.
private struct StatusReport {
  var serial: SerialNumber
  var issuer: String
  var reading: StatusReading
  var stored: [StoredResponse]
  /// The responder's own JSON; nil where none runs.
  var cached: String?

  private var statusName: String {
    switch reading.record?.status {
    case .good: "good"
    case .revoked: "revoked"
    case .unknown, nil: "not on record"
    }
  }

  var text: String {
    var lines = ["status         \(statusName)", "certificate    \(serial) of issuer '\(issuer)'"]
    if let record = reading.record {
      if let revocation = record.revocation {
        lines.append("revoked        \(revocation.time.iso8601), \(revocation.reason?.name ?? "no reason given")")
      }
      lines.append("not after      \(record.notAfter?.iso8601 ?? "not known")")
      lines.append("revision       \(reading.revision.value) (newest in the store: \(reading.asOf.value))")
    }
    for response in stored {
      lines.append(
        "stored answer  \(response.hashAlgorithm.name): produced \(response.times.producedAt.iso8601), next update "
          + "\(response.times.nextUpdate.iso8601), renewed at \(response.times.refreshAt.iso8601), "
          + "revision \(response.revision.value)")
    }
    if stored.isEmpty { lines.append("stored answer  none") }
    lines.append("in memory      \(cached.map { String($0.filter { $0 != "\n" }) } ?? "no responder is running")")
    return lines.joined(separator: "\n")
  }

  var json: String {
    var object = JSONObject()
    object.add("status", statusName)
    object.add("serial", serial.hexadecimal)
    object.add("issuer", issuer)
    object.add("revokedAt", reading.record?.revocation?.time.iso8601)
    object.add("reason", reading.record?.revocation?.reason?.name)
    object.add("notAfter", reading.record?.notAfter?.iso8601)
    object.add("revision", reading.revision.value)
    object.add("storeRevision", reading.asOf.value)
    object.add(
      "stored",
      stored.map { response in
        var inside = JSONObject()
        inside.add("hash", response.hashAlgorithm.name)
        inside.add("revision", response.revision.value)
        inside.add("producedAt", response.times.producedAt.iso8601)
        inside.add("nextUpdate", response.times.nextUpdate.iso8601)
        inside.add("refreshAt", response.times.refreshAt.iso8601)
        return inside
      })
    object.add("memory", json: cached.map { String($0.filter { $0 != "\n" }) })
    return object.text
  }
}
