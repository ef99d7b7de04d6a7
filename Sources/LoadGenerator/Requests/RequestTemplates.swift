import HTTP1
import OCSP

/// The parts of requests that are the same for all of one kind, made once: a request is written by filling in the serial and
/// the nonce.
///
/// In a GET everything up to the last whole group of three octets in front of the serial is base64 already.
struct RequestTemplates: Sendable {
  /// One kind: method, hash, length of the serial, with a nonce or without. Ranges of `octets`.
  struct Template: Sendable {
    /// The text, up to the base64 that changes; of a POST, head and DER up to the serial.
    var front = 0..<0
    /// DER in front of the serial that is part of the first group that changes; at most two octets. Empty for a POST.
    var before = 0..<0
    /// DER behind the serial, up to the nonce's octets, which end the request.
    var between = 0..<0
  }

  private(set) var octets: [UInt8] = []
  /// What ends a GET: version and fields.
  private(set) var tail = 0..<0
  /// `CertID.head` of each hash, by its raw value less one; empty for those that are not asked with.
  private var certIDHeads = Array(repeating: 0..<0, count: 4)
  private var templates: [Template]

  /// For serials of the lengths in `serials`, and of those that are invented.
  init(issuer: IssuerHashes, serials: SerialList, target: LoadTarget, form: RequestForm) {
    templates = Array(repeating: Template(), count: 4 * 4 * (SerialNumber.maximumOctets + 1))
    let head = form.head(target)
    tail = append(Array((head + "\r\n").utf8))
    for algorithm in HashAlgorithm.allCases {
      guard let certIDHead = issuer.heads[algorithm] else { continue }
      certIDHeads[Int(algorithm.rawValue) - 1] = append(certIDHead)
      for length in 1...SerialNumber.maximumOctets
      where serials.hasSerial(ofOctets: length) || length == Questioner.unknownSerialOctets {
        for hasNonce in [false, true] {
          add(issuer, algorithm, length, hasNonce, target, postHead: head)
        }
      }
    }
  }

  private mutating func append(_ part: [UInt8]) -> Range<Int> {
    octets += part
    return octets.count - part.count..<octets.count
  }

  private mutating func add(
    _ issuer: IssuerHashes, _ algorithm: HashAlgorithm, _ length: Int, _ hasNonce: Bool, _ target: LoadTarget,
    postHead: String
  ) {
    let nonce = hasNonce ? [UInt8](repeating: 0, count: RequestTemplates.nonceOctets) : nil
    guard let serial = SerialNumber(content: [UInt8](repeating: 1, count: length)),
      let certID = issuer.certID(algorithm, serial)
    else { preconditionFailure("a template without an issuer or a serial") }
    let request = OCSPRequest.encoded(certIDs: [certID], nonce: nonce)
    // The serial ends the CertID, and that the request but for the nonce's extension.
    let behind = hasNonce ? RequestTemplates.extensionOctets(request) : 0
    let end = request.count - behind
    let start = end - length
    let between = Array(request[end..<request.count - (hasNonce ? RequestTemplates.nonceOctets : 0)])

    var get = Template()
    let whole = start / 3 * 3
    get.front = append(Array("GET \(target.pathForGet)".utf8) + Base64.encodeForTarget(Array(request[..<whole])))
    get.before = append(Array(request[whole..<start]))
    get.between = append(between)
    templates[RequestTemplates.place(algorithm, length, isPost: false, hasNonce: hasNonce)] = get

    let head =
      "POST \(target.path)\(postHead)Content-Type: application/ocsp-request\r\nContent-Length: \(request.count)\r\n\r\n"
    var post = Template()
    post.front = append(Array(head.utf8) + request[..<start])
    post.between = append(between)
    templates[RequestTemplates.place(algorithm, length, isPost: true, hasNonce: hasNonce)] = post
  }

  static let nonceOctets = 32

  /// Octets of the extensions at the end of a request: all that a request without a nonce has not.
  private static func extensionOctets(_ request: [UInt8]) -> Int {
    // [2], SEQUENCE of extensions, SEQUENCE of one; all of one octet of length.
    let value = 2 + 2 + nonceOctets
    let fields = 2 + ObjectIdentifier.nonce.count + value
    return 2 + 2 + 2 + fields
  }

  private static func place(_ algorithm: HashAlgorithm, _ length: Int, isPost: Bool, hasNonce: Bool) -> Int {
    let kind = (Int(algorithm.rawValue) - 1) << 2 | (isPost ? 2 : 0) | (hasNonce ? 1 : 0)
    return kind * (SerialNumber.maximumOctets + 1) + length
  }

  /// Where `CertID.head` of that hash lies in `octets`.
  func certIDHead(_ algorithm: HashAlgorithm) -> Range<Int> { certIDHeads[Int(algorithm.rawValue) - 1] }

  func template(_ question: Question, serialOctets: Int) -> Template {
    templates[
      RequestTemplates.place(
        question.hash, serialOctets, isPost: question.isPost, hasNonce: question.hasNonce)]
  }
}
