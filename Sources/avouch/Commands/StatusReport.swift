import CalendarTime
import FoundationEssentials
import OCSP
import Responder

/// What is known of one certificate, for a person or as JSON.
struct StatusReport {
  var serial: SerialNumber
  var issuer: String
  var reading: StatusReading
  var stored: [StoredResponse]
  var memory: ControlClient.Memory

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
    lines += memoryLines.map { "in memory      " + $0 }
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
    var answers: String?
    var error: String?
    switch memory {
    case .known(let json):
      answers = heldAnswers(json) == nil ? nil : json
      if answers == nil { error = StatusReport.notOurs }
    case .nobodyThere: error = "no responder is running"
    case .failed(let why): error = why
    }
    object.add("memory", json: answers)
    object.add("memoryError", error)
    return object.text
  }

  /// What `/v1/answers` of the control socket says.
  private struct HeldAnswers: Decodable {
    struct Answer: Decodable {
      var hash: String
      var revision: UInt64
      var producedAt: String
      var nextUpdate: String
      var refreshAt: String
    }

    var appliedRevision: UInt64
    var answers: [Answer]
  }

  private static let notOurs = "what answers on the control address is no responder of Avouch"

  private func heldAnswers(_ json: String) -> HeldAnswers? {
    try? JSONDecoder().decode(HeldAnswers.self, from: Data(json.utf8))
  }

  private var memoryLines: [String] {
    let json: String
    switch memory {
    case .known(let text): json = text
    case .nobodyThere: return ["no responder is running"]
    case .failed(let why): return ["not known: \(why)"]
    }
    guard let held = heldAnswers(json) else { return ["not known: \(StatusReport.notOurs)"] }
    let applied = "the responder has applied revision \(held.appliedRevision)"
    return [held.answers.isEmpty ? "no answer; \(applied)" : applied]
      + held.answers.map {
        "\($0.hash): produced \($0.producedAt), next update \($0.nextUpdate), renewed at \($0.refreshAt), "
          + "revision \($0.revision)"
      }
  }
}
