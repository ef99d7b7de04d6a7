import HTTP1
import OCSP

/// Writes the requests of a load. The same for all threads; what is damaged on purpose alone allocates memory.
///
/// A class, so that handing it around costs one reference and not a dozen.
final class RequestWriter: Sendable {
  let questioner: Questioner
  let issuer: IssuerHashes
  let target: LoadTarget
  let form: RequestForm
  let templates: RequestTemplates

  init(questioner: Questioner, issuer: IssuerHashes, target: LoadTarget, form: RequestForm) {
    self.questioner = questioner
    self.issuer = issuer
    self.target = target
    self.form = form
    templates = RequestTemplates(issuer: issuer, serials: questioner.serials, target: target, form: form)
  }

  /// Room that any request needs at most.
  var maximumBytes: Int { 2048 + target.url.utf8.count + form.extraHeaders.reduce(0) { $0 + $1.utf8.count + 2 } }

  /// Appends a whole request.
  func write(_ question: Question, to buffer: inout ResponseBuffer) {
    if case .malformed(let damage) = question.subject {
      writeDamaged(question, damage, to: &buffer)
      return
    }
    let serial = questioner.serial(of: question)
    let template = templates.template(question, serialOctets: serial.count)
    let parts = templates.octets
    let octets = parts.span
    buffer.append(octets.extracting(template.front))
    if question.isPost {
      for index in 0..<serial.count { buffer.append(serial[index]) }
      buffer.append(octets.extracting(template.between))
      if question.hasNonce { buffer.append(questioner.nonce(of: question).span) }
      return
    }
    var groups = Base64Groups()
    for index in template.before { groups.add(octets[index], to: &buffer) }
    for index in 0..<serial.count { groups.add(serial[index], to: &buffer) }
    if question.hasNonce {
      for index in template.between { groups.add(octets[index], to: &buffer) }
      let nonce = questioner.nonce(of: question)
      for index in 0..<RequestTemplates.nonceOctets { groups.add(nonce[index], to: &buffer) }
    }
    groups.finish(&buffer)
    buffer.append(octets.extracting(templates.tail))
  }

  /// A whole request, for what is asked once.
  func octets(_ question: Question) -> [UInt8] {
    var buffer = ResponseBuffer(capacity: maximumBytes)
    write(question, to: &buffer)
    return unsafe buffer.withUnsafeBytes { unsafe Array($0) }
  }

  /// The DER of a question, as it would be without damage.
  func encoded(_ question: Question) -> [UInt8] {
    guard let certID = certID(of: question) else { preconditionFailure("a question with a hash that is not set") }
    let nonce = questioner.nonce(of: question)
    let octets = question.hasNonce ? (0..<RequestTemplates.nonceOctets).map { nonce[$0] } : nil
    return OCSPRequest.encoded(certIDs: [certID], nonce: octets)
  }

  func certID(of question: Question) -> CertID? {
    issuer.certID(question.hash, questioner.serial(of: question))
  }

  private func writeDamaged(_ question: Question, _ damage: RequestDamage, to buffer: inout ResponseBuffer) {
    var plain = question
    plain.hasNonce = false
    let request = encoded(plain)
    let head = form.head(target)
    if question.isPost {
      let body = damage.applied(to: request, serialOctets: Questioner.unknownSerialOctets)
      let fields = "Content-Type: application/ocsp-request\r\nContent-Length: \(body.count)\r\n\r\n"
      buffer.append(Array("POST \(target.path)\(head)\(fields)".utf8) + body)
    } else {
      let text = damage.target(request, serialOctets: Questioner.unknownSerialOctets)
      buffer.append(Array("GET \(target.pathForGet)".utf8) + text + Array("\(head)\r\n".utf8))
    }
  }
}

/// Base64 with `+`, `/` and `=` percent-coded, octet by octet.
private struct Base64Groups {
  private var bits: UInt32 = 0
  private var count = 0

  mutating func add(_ octet: UInt8, to buffer: inout ResponseBuffer) {
    bits = bits << 8 | UInt32(octet)
    count += 1
    guard count == 3 else { return }
    for place in 0..<4 { Base64Groups.append(bits >> UInt32(18 - 6 * place) & 63, to: &buffer) }
    (bits, count) = (0, 0)
  }

  mutating func finish(_ buffer: inout ResponseBuffer) {
    guard count > 0 else { return }
    bits <<= UInt32(8 * (3 - count))
    for place in 0...count { Base64Groups.append(bits >> UInt32(18 - 6 * place) & 63, to: &buffer) }
    for _ in count..<3 { buffer.append("%3D") }
  }

  private static func append(_ value: UInt32, to buffer: inout ResponseBuffer) {
    let value = UInt8(truncatingIfNeeded: value)
    switch value {
    case 0..<26: buffer.append(0x41 + value)
    case 26..<52: buffer.append(0x61 + value - 26)
    case 52..<62: buffer.append(0x30 + value - 52)
    case 62: buffer.append("%2B")
    default: buffer.append("%2F")
    }
  }
}
