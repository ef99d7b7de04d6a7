import DER

/// What a client asks (RFC 6960 4.1.1): offsets into the request's octets and the few values a responder needs.
///
///     OCSPRequest ::= SEQUENCE {
///       tbsRequest        TBSRequest,
///       optionalSignature [0] EXPLICIT Signature OPTIONAL }
///     TBSRequest ::= SEQUENCE {
///       version           [0] EXPLICIT Version DEFAULT v1,
///       requestorName     [1] EXPLICIT GeneralName OPTIONAL,
///       requestList       SEQUENCE OF Request,
///       requestExtensions [2] EXPLICIT Extensions OPTIONAL }
///
/// Parsing a request for one certificate allocates nothing.
public struct OCSPRequest: Sendable {
  /// One Request of the list.
  public struct Question: Sendable, Hashable {
    /// Nil for a CertID that is well formed and yet can be nobody's here.
    public var certID: CertID?
    /// The CertID as the client wrote it, tag and length included.
    public var encodedCertID: Range<Int>
  }

  /// Bounds on what is read; what is over them is malformed.
  public struct Limits: Sendable, Hashable {
    public var maximumQuestions = 16
    public var maximumExtensions = 16

    public init() {}
  }

  public private(set) var first: Question
  /// The questions after the first.
  public private(set) var others: [Question]
  /// The nonce extension's extnValue content, to be echoed as it is; nil for none.
  public private(set) var nonce: Range<Int>?
  public private(set) var isSigned: Bool

  public var questionCount: Int { 1 + others.count }

  /// Parses one whole request.
  ///
  /// What is let through on purpose (standards 7, 14 and section 3): an explicit version v1, absent hash parameters, a
  /// requestorName, a signature (it is skipped, not checked), unknown extensions that are not critical.
  public init(_ octets: Span<UInt8>, limits: Limits = Limits()) throws(OCSPRequestError) {
    var parse = OCSPRequestParse(octets, limits: limits)
    do throws(DERError) {
      try parse.run()
    } catch {
      throw .notDER(error)
    }
    if let refusal = parse.refusal { throw refusal }
    guard let first = parse.first else { throw .noQuestion }
    self.first = first
    others = parse.others
    nonce = parse.nonce
    isSigned = parse.isSigned
  }
}
