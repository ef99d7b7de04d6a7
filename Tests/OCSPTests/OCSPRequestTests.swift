import DER
import OCSP
import Testing

@Suite("OCSP request")
struct OCSPRequestTests {
  /// Builds requests of every shape, octet by octet.
  struct Shape {
    var version: [UInt8]?
    var requestorName = false
    var parameters: [UInt8] = [0x05, 0x00]
    var serials: [[UInt8]] = [[0x01, 0x02]]
    var singleExtensions: [OCSPExtension] = []
    var extensions: [OCSPExtension] = []
    var signature = false
    var nameHashCount = 20

    func encoded() -> [UInt8] {
      var writer = DERWriter()
      writer.sequence { writer in
        writer.sequence { writer in
          if let version { writer.constructed(.context(0)) { $0.primitive(.integer, version) } }
          if requestorName { writer.constructed(.context(1)) { $0.primitive(.contextPrimitive(1), Array("a@b".utf8)) } }
          writer.sequence { writer in for serial in serials { write(serial, &writer) } }
          if !extensions.isEmpty {
            writer.constructed(.context(2)) {
              $0.sequence { list in for one in extensions { list.encoded(one.encoded()) } }
            }
          }
        }
        if signature {
          writer.constructed(.context(0)) { writer in
            writer.sequence { writer in
              writer.sequence { $0.objectIdentifier([0x2A, 0x03]) }
              writer.bitString([1, 2, 3])
            }
          }
        }
      }
      return writer.finish()
    }

    private func write(_ serial: [UInt8], _ writer: inout DERWriter) {
      writer.sequence { writer in
        writer.sequence { writer in
          writer.sequence { writer in
            writer.objectIdentifier(HashAlgorithm.sha1.objectIdentifier)
            writer.encoded(parameters)
          }
          writer.octetString([UInt8](repeating: 0xA1, count: nameHashCount))
          writer.octetString([UInt8](repeating: 0xB2, count: 20))
          writer.primitive(.integer, serial)
        }
        if !singleExtensions.isEmpty {
          writer.constructed(.context(0)) {
            $0.sequence { list in for one in singleExtensions { list.encoded(one.encoded()) } }
          }
        }
      }
    }
  }

  private func parse(_ shape: Shape) throws -> OCSPRequest { try OCSPRequest(shape.encoded().span) }

  private func nonce(_ value: [UInt8], wrapped: Bool = true) -> OCSPExtension {
    OCSPExtension(identifier: ObjectIdentifier.nonce, value: wrapped ? OCSPRequest.wrapped(value) : value)
  }

  @Test("shapes that clients send are all understood")
  func shapes() throws {
    let unknown = OCSPExtension(identifier: [0x2A, 0x03, 0x04], value: [1, 2, 3])
    let shapes: [Shape] = [
      Shape(), Shape(version: [0]), Shape(requestorName: true), Shape(parameters: []), Shape(extensions: [unknown]),
      Shape(singleExtensions: [unknown, nonce([1, 2, 3])]), Shape(signature: true),
      Shape(extensions: [
        OCSPExtension(identifier: ObjectIdentifier.acceptableResponses, isCritical: true, value: [0x30, 0])
      ]),
      Shape(singleExtensions: [OCSPExtension(identifier: ObjectIdentifier.serviceLocator, value: [0x30, 0])]),
      Shape(version: [0], requestorName: true, parameters: [], singleExtensions: [unknown], signature: true),
    ]
    for shape in shapes {
      let request = try parse(shape)
      #expect(request.first.certID?.serial.octets == [1, 2])
      #expect(request.first.certID?.hashAlgorithm == .sha1)
      #expect(request.nonce == nil)
      #expect(request.isSigned == shape.signature)
    }
  }

  @Test(
    "serials are told apart by their DER octets",
    arguments: [[0], [0x80], [0, 0x80], [0xFF], [0, 0, 1], [UInt8](repeating: 0x7F, count: 20)] as [[UInt8]])
  func serials(octets: [UInt8]) throws {
    #expect(try parse(Shape(serials: [octets])).first.certID?.serial.octets == octets)
  }

  @Test("the CertID's own octets are found, so that it can be echoed")
  func encodedCertID() throws {
    let der = Shape(parameters: [], serials: [[5], [6]]).encoded()
    let request = try OCSPRequest(der.span)
    for question in [request.first] + request.others {
      #expect(der[question.encodedCertID.lowerBound] == 0x30)
      #expect(der[question.encodedCertID].count == 2 + 9 + 22 + 22 + 3)
    }
  }

  @Test("nonces of 1 to 128 octets are echoed, wrapped or bare; none and more are refused")
  func nonces() throws {
    for count in [1, 8, 16, 23, 32, 127, 128] {
      let bytes = [UInt8](repeating: 0xEE, count: count)
      for wrapped in [true, false] {
        let shape = Shape(extensions: [nonce(bytes, wrapped: wrapped)])
        let der = shape.encoded()
        let range = try #require(try OCSPRequest(der.span).nonce)
        #expect(Array(der[range]) == (wrapped ? OCSPRequest.wrapped(bytes) : bytes))
      }
    }
    for bytes in [[], [UInt8](repeating: 0xEE, count: 129), [UInt8](repeating: 0xEE, count: 500)] as [[UInt8]] {
      #expect(throws: OCSPRequestError.nonceLength) { try parse(Shape(extensions: [nonce(bytes)])) }
    }
    #expect(throws: OCSPRequestError.nonceLength) { try parse(Shape(extensions: [nonce([], wrapped: false)])) }
  }

  @Test("what must not be processed is refused, each for its reason")
  func refusals() {
    let unknown = OCSPExtension(identifier: [0x2A, 0x03, 0x04], isCritical: true, value: [1])
    let plain = OCSPExtension(identifier: [0x2A, 0x03, 0x04], value: [1])
    #expect(throws: OCSPRequestError.unknownCriticalExtension) { try parse(Shape(extensions: [unknown])) }
    #expect(throws: OCSPRequestError.unknownCriticalExtension) { try parse(Shape(singleExtensions: [unknown])) }
    #expect(throws: OCSPRequestError.repeatedExtension) { try parse(Shape(extensions: [plain, plain])) }
    #expect(throws: OCSPRequestError.repeatedExtension) { try parse(Shape(extensions: [nonce([1]), nonce([1])])) }
    #expect(throws: OCSPRequestError.noQuestion) { try parse(Shape(serials: [])) }
    #expect(throws: OCSPRequestError.version) { try parse(Shape(version: [1])) }
    #expect(throws: OCSPRequestError.tooManyQuestions) { try parse(Shape(serials: (1...17).map { [UInt8($0)] })) }
    let many = (1...17).map { OCSPExtension(identifier: [0x2A, UInt8($0)], value: []) }
    #expect(throws: OCSPRequestError.tooManyExtensions) { try parse(Shape(extensions: many)) }
  }

  @Test("a CertID that can be nobody's is a question all the same")
  func nobodys() throws {
    #expect(try parse(Shape(nameHashCount: 19)).first.certID == nil)
    #expect(try parse(Shape(parameters: [0x30, 0x00])).first.certID == nil)
    #expect(try parse(Shape(serials: [[UInt8](repeating: 1, count: 33)])).first.certID == nil)
  }

  @Test("octets behind the request are refused")
  func trailing() {
    #expect(throws: OCSPRequestError.self) { try OCSPRequest((Shape().encoded() + [0]).span) }
  }

  @Test("one changed octet anywhere, all 256 values: parsed or refused, never a trap")
  func everyOctet() {
    let original = Shape(version: [0], requestorName: true, extensions: [nonce([1, 2, 3, 4])], signature: true)
      .encoded()
    var parsed = 0
    for index in original.indices {
      for value in UInt8.min...UInt8.max {
        var changed = original
        changed[index] = value
        if (try? OCSPRequest(changed.span)) != nil { parsed += 1 }
      }
    }
    // The hashes, serial, names and nonce are free: those changes parse.
    #expect(parsed > 40 * 256 && parsed < original.count * 256)
  }
}
