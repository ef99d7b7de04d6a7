import CalendarTime
import HTTPClient
import OCSP
import OpenSSLCrypto

/// What `avouch check` found out, for a person or as JSON.
struct CheckReport {
  var url: String
  /// Where the connection went, `host:port`; nil for the URL's own host.
  var place: String?
  var method: String
  var question: CertID
  var issuer: Certificate
  var subject: String?
  var http: HTTPClient.Response
  var status: OCSPResponseStatus
  var basic: ReceivedResponse.Basic?
  var verdict: AnswerVerdict?
  var now: UnixTime

  var isVerified: Bool { verdict?.problems.isEmpty ?? false }

  /// Fine only for a verified "good".
  var exitCode: ExitCode {
    isVerified && verdict?.single?.status == .good ? .fine : .no
  }

  var statusName: String {
    guard status == .successful else { return status.name }
    switch verdict?.single?.status {
    case .good: return "good"
    case .revoked: return "revoked"
    case .unknown: return "unknown"
    case nil: return "no answer to this question"
    }
  }

  // MARK: - For a person

  var text: String {
    var lines = [row("status", statusName.uppercased() + (isVerified || basic == nil ? "" : "  (NOT VERIFIED)"))]
    lines.append(row("certificate", [subject, "serial \(question.serial)"].compactMap { $0 }.joined(separator: ", ")))
    lines.append(row("issuer", issuer.subjectText))
    if let single = verdict?.single { lines += rows(of: single) }
    if let basic { lines.append(row("produced", time(basic.producedAt))) }
    if let verdict {
      lines.append(row("signer", signerText(verdict)))
      lines.append(row("verified", verdict.problems.isEmpty ? "yes: signature, signer, times, CertID" : "NO"))
      lines += verdict.problems.map { row("", "- " + $0) }
      if let nonce = nonceText(verdict) { lines.append(row("nonce", nonce)) }
    } else {
      lines.append(row("verified", "no: an OCSP error answer is not signed"))
    }
    lines.append(row("answered", "\(method) \(url)"))
    if let place { lines.append(row("", "asked at \(place)")) }
    let milliseconds = (http.milliseconds * 100).rounded() / 100
    lines.append(row("", "HTTP \(http.status), \(http.body.count) octets, \(milliseconds) ms"))
    for name in ["Cache-Control", "Expires", "Last-Modified", "ETag", "Age", "Retry-After"] {
      if let value = http.header(name) { lines.append(row(name.lowercased(), value)) }
    }
    return lines.joined(separator: "\n")
  }

  private func rows(of single: SingleResponse) -> [String] {
    var lines: [String] = []
    if case .revoked(let revocation) = single.status {
      lines.append(row("revoked", time(revocation.time)))
      lines.append(row("reason", revocation.reason?.name ?? "none given"))
    }
    lines.append(row("this update", time(single.thisUpdate)))
    lines.append(row("next update", single.nextUpdate.map { time($0) } ?? "none"))
    return lines
  }

  private func signerText(_ verdict: AnswerVerdict) -> String {
    guard let signer = verdict.signer else { return "unknown" }
    return "\(signer.subjectText) (\(verdict.isDelegated ? "delegated by the issuer" : "the issuer itself"))"
  }

  private func nonceText(_ verdict: AnswerVerdict) -> String? {
    switch verdict.nonce {
    case .notAsked: nil
    case .echoed: "echoed"
    case .missing: "sent, and not echoed: the answer may have been made before"
    case .different: "NOT the one that was sent"
    }
  }

  private func time(_ time: UnixTime) -> String {
    let local = time.localText.map { $0 + ", " } ?? ""
    return "\(time.iso8601)  (\(local)\(time.relativeText(to: now)))"
  }

  private func row(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 15 - name.count)) + value
  }
}
