public import CalendarTime
public import OCSP
public import Responder

/// An issuer as events name it, and what they may say of it.
public struct EventSubject: Sendable {
  public var name: String
  public var storeID: StoreIssuerID
  /// When its CA's certificate began: nothing was revoked before.
  public var begins: UnixTime
  /// Why a certificate of it may not be revoked for that reason, by the rules it follows; nil where it may.
  public var objection: @Sendable (RevocationReason) -> String?

  public init(
    name: String, storeID: StoreIssuerID, begins: UnixTime,
    objection: @escaping @Sendable (RevocationReason) -> String?
  ) {
    self.name = name
    self.storeID = storeID
    self.begins = begins
    self.objection = objection
  }
}
