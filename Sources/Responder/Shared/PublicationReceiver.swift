/// Who is told of every answer that an origin has put into its memory, and of every change before its answer is there. Called
/// by any thread; must not block.
public protocol PublicationReceiver: AnyObject, Sendable {
  func published(_ answer: Answer)
  /// From here on nothing older than the revision may be said of the certificate.
  func changed(_ issuer: IssuerIndex, _ certificate: ChangedCertificate)
}
