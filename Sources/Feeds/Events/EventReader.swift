import CalendarTime
import OCSP
import Responder

/// Turns a payload into what the store takes, by what the issuer's rules allow.
struct EventReader {
  /// How far a sender's clock may be ahead, in seconds.
  private static let clockTolerance: Int64 = 300

  let subject: EventSubject
  let now: UnixTime

  func statement(_ payload: EventPayload) throws(EventPayload.Failure) -> StatusMessage.Statement {
    switch payload.kind {
    case .revoked: return .revoked(try records(payload, isRevoked: true))
    case .issued: return .issued(try records(payload, isRevoked: false))
    case .released:
      try check(payload.time, payload.timeField)
      return .released(try serials(payload), at: payload.time)
    case .compromised:
      let since = payload.since ?? payload.time
      try check(since, payload.since == nil ? payload.timeField : "data.since")
      return .issuerCompromised(since: since)
    }
  }

  private func records(_ payload: EventPayload, isRevoked: Bool) throws(EventPayload.Failure) -> [CertificateRecord] {
    var records: [CertificateRecord] = []
    records.reserveCapacity(payload.certificates.count)
    for place in payload.certificates.indices {
      let certificate = payload.certificates[place]
      var record = CertificateRecord(serial: try serial(payload, place), notAfter: certificate.notAfter)
      if isRevoked {
        let time = certificate.revokedAt ?? payload.time
        try check(time, certificate.revokedAt == nil ? payload.timeField : field(payload, place, "revokedAt"))
        record.revocation = Revocation(time: time, reason: try reason(payload, place))
      }
      records.append(record)
    }
    return records
  }

  private func serials(_ payload: EventPayload) throws(EventPayload.Failure) -> [SerialNumber] {
    var serials: [SerialNumber] = []
    for place in payload.certificates.indices { serials.append(try serial(payload, place)) }
    return serials
  }

  private func serial(_ payload: EventPayload, _ place: Int) throws(EventPayload.Failure) -> SerialNumber {
    let text = payload.certificates[place].serial
    guard let serial = SerialNumber(hexadecimal: text) else {
      throw EventPayload.Failure(
        field: field(payload, place, "serial"),
        why:
          "\"\(text.shortened)\" is no serial; a hexadecimal number of at most \(SerialNumber.maximumOctets) octets is "
          + "expected")
    }
    return serial
  }

  private func reason(_ payload: EventPayload, _ place: Int) throws(EventPayload.Failure) -> RevocationReason? {
    guard let text = payload.certificates[place].reason else { return nil }
    let possible = RevocationReason.allCases.filter { $0 != .removeFromCRL }
    guard let reason = RevocationReason(name: text), possible.contains(reason) else {
      let names = possible.map(\.name).joined(separator: ", ")
      throw EventPayload.Failure(
        field: field(payload, place, "reason"),
        why: "\"\(text.shortened)\" is not possible; one of \(names) is expected")
    }
    if let objection = subject.objection(reason) {
      throw EventPayload.Failure(field: field(payload, place, "reason"), why: objection)
    }
    return reason
  }

  private func check(_ time: UnixTime, _ field: String) throws(EventPayload.Failure) {
    guard time <= now.advanced(bySeconds: EventReader.clockTolerance) else {
      throw EventPayload.Failure(
        field: field, why: "\(time.iso8601) lies in the future; a certificate is revoked from now on at the latest")
    }
    guard time >= subject.begins else {
      throw EventPayload.Failure(
        field: field, why: "\(time.iso8601) is before the CA's certificate began, \(subject.begins.iso8601)")
    }
  }

  /// Where something of one certificate stands in the body.
  private func field(_ payload: EventPayload, _ place: Int, _ name: String) -> String {
    payload.isList ? "data.certificates[\(place)].\(name)" : "data.\(name)"
  }
}
