import DER

/// The walk over a request's octets. What is not DER is thrown; what is DER and still refused is remembered, so that
/// one error type runs through the hot path (a second one would box every error that a client can provoke).
struct OCSPRequestParse: ~Escapable {
  private let octets: Span<UInt8>
  private let limits: OCSPRequest.Limits
  private(set) var first: OCSPRequest.Question?
  private(set) var others: [OCSPRequest.Question] = []
  private(set) var nonce: Range<Int>?
  private(set) var isSigned = false
  private(set) var refusal: OCSPRequestError?

  @_lifetime(copy octets)
  init(_ octets: Span<UInt8>, limits: OCSPRequest.Limits) {
    self.octets = octets
    self.limits = limits
  }

  mutating func run() throws(DERError) {
    var outer = DERReader(octets)
    var request = outer.inside(try outer.read(.sequence))
    try outer.finish()
    var fields = request.inside(try request.read(.sequence))
    if let signature = try request.readOptional(.context(0)) {
      isSigned = true
      var inside = request.inside(signature)
      _ = try inside.read(.sequence)
      try inside.finish()
    }
    try request.finish()
    try skipVersionAndName(&fields)
    let list = try fields.read(.sequence)
    try readQuestions(fields.inside(list))
    if let extensions = try fields.readOptional(.context(2)) {
      try readExtensions(fields.inside(extensions), areOfRequest: true)
    }
    try fields.finish()
  }

  private mutating func skipVersionAndName(_ fields: inout DERReader) throws(DERError) {
    // Botan writes the default version out (standards F6).
    if let version = try fields.readOptional(.context(0)) {
      var inside = fields.inside(version)
      let number = try inside.readIntegerOctets()
      try inside.finish()
      if !inside.equals(number, [0]) { refuse(.version) }
    }
    if let name = try fields.readOptional(.context(1)) {
      var inside = fields.inside(name)
      _ = try inside.readElement()
      try inside.finish()
    }
  }

  private mutating func readQuestions(_ reader: consuming DERReader) throws(DERError) {
    while !reader.isAtEnd {
      var request = reader.inside(try reader.read(.sequence))
      let start = request.position
      let certID = try CertID.read(&request, octets)
      let question = OCSPRequest.Question(certID: certID, encodedCertID: start..<request.position)
      if let extensions = try request.readOptional(.context(0)) {
        try readExtensions(request.inside(extensions), areOfRequest: false)
      }
      try request.finish()
      if first == nil {
        first = question
      } else if others.count + 1 < limits.maximumQuestions {
        others.append(question)
      } else {
        refuse(.tooManyQuestions)
        return
      }
    }
  }

  /// - Parameter areOfRequest: false for singleRequestExtensions, where a nonce means nothing (standards, quirk 8).
  private mutating func readExtensions(_ reader: consuming DERReader, areOfRequest: Bool) throws(DERError) {
    let list = try reader.read(.sequence)
    try reader.finish()
    var extensions = reader.inside(list)
    var count = 0
    while !extensions.isAtEnd {
      count += 1
      guard count <= limits.maximumExtensions else {
        refuse(.tooManyExtensions)
        return
      }
      var fields = extensions.inside(try extensions.read(.sequence))
      let identifier = try fields.read(.objectIdentifier)
      let isCritical = fields.nextTag == .boolean ? try fields.readBoolean() : false
      let value = try fields.read(.octetString)
      try fields.finish()
      if try isRepeated(identifier, before: count, in: reader.inside(list)) { refuse(.repeatedExtension) }
      if fields.equals(identifier, ObjectIdentifier.nonce) {
        if areOfRequest { takeNonce(value) }
      } else if isCritical, !isKnown(identifier, fields) {
        refuse(.unknownCriticalExtension)
      }
    }
  }

  /// Whether one of the first `count - 1` extensions of the list has the same identifier. The list is short.
  private func isRepeated(
    _ identifier: Range<Int>, before count: Int, in extensions: consuming DERReader
  ) throws(DERError) -> Bool {
    for _ in 1..<max(1, count) {
      var fields = extensions.inside(try extensions.read(.sequence))
      let other = try fields.read(.objectIdentifier)
      guard other.count == identifier.count else { continue }
      var isSame = true
      for index in 0..<other.count where octets[other.lowerBound + index] != octets[identifier.lowerBound + index] {
        isSame = false
      }
      if isSame { return true }
    }
    return false
  }

  /// Extensions that may be critical because Avouch knows them: they only express wishes.
  private func isKnown(_ identifier: Range<Int>, _ reader: borrowing DERReader) -> Bool {
    reader.equals(identifier, ObjectIdentifier.acceptableResponses)
      || reader.equals(identifier, ObjectIdentifier.serviceLocator)
      || reader.equals(identifier, ObjectIdentifier.preferredSignatureAlgorithms)
  }

  /// The length that counts is that of the wrapped OCTET STRING; old clients leave the wrapping out, and then it is
  /// that of the bare octets (standards, quirk 8).
  private mutating func takeNonce(_ value: Range<Int>) {
    var inside = DERReader(octets, in: value)
    var length = value.count
    do throws(DERError) {
      let wrapped = try inside.read(.octetString)
      try inside.finish()
      length = wrapped.count
    } catch {
      length = value.count
    }
    guard (1...128).contains(length) else {
      refuse(.nonceLength)
      return
    }
    nonce = value
  }

  private mutating func refuse(_ error: OCSPRequestError) {
    if refusal == nil { refusal = error }
  }
}
