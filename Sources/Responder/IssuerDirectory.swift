public import CalendarTime
public import OCSP

/// All that a reading of the configuration says of whom to answer for and with what. It never changes; a reload makes
/// another one, in which every issuer, credential and place keeps its number.
public final class IssuerDirectory: Sendable {
  public let issuers: IssuerTable
  public let credentials: CredentialTable
  /// Every place in which a key of some issuer lies or has lain, each once.
  public let places: [SigningPlace]
  /// The header fields of cacheable answers that hold their surrogate keys.
  public let surrogateKeyFields: [SurrogateKeyField]
  let indexBySharedName: [SharedIssuerName: IssuerIndex]
  /// By issuer; nil for one that is retired.
  private let sharedNames: [SharedIssuerName?]
  /// By issuer: a bit for each hash whose answers are signed ahead.
  private let hashesAhead: [UInt8]
  /// By issuer: the places of its keys, in the order of its keys.
  public let placesOfIssuers: [[Int]]

  /// - Parameters:
  ///   - issuers: in the order of their indexes, from 0, each with an index into `credentials`.
  ///   - placesBefore: those of the directory that this one follows, whose numbers stay theirs.
  ///   - surrogateKeyFields: each once.
  public init(
    _ issuers: [Issuer], credentials: CredentialTable, placesBefore: [SigningPlace] = [],
    surrogateKeyFields: [SurrogateKeyField] = []
  ) throws(IssuerTable.DuplicateIssuer) {
    self.issuers = try IssuerTable(issuers)
    self.credentials = credentials
    self.surrogateKeyFields = surrogateKeyFields
    indexBySharedName = Dictionary(
      issuers.filter { !$0.isRetired }.map { ($0.sharedName, $0.index) }, uniquingKeysWith: { first, _ in first })
    sharedNames = issuers.map { $0.isRetired ? nil : $0.sharedName }
    hashesAhead = issuers.map { $0.policy.presignedAlgorithms.reduce(0) { $0 | 1 << $1.rawValue } }
    var places = placesBefore
    var numbers: [String: Int] = [:]
    for (number, place) in places.enumerated() { numbers[place.name] = number }
    placesOfIssuers = issuers.map { issuer in
      issuer.keys.map { key in
        if let number = numbers[key.place.name] {
          places[number] = key.place
          return number
        }
        numbers[key.place.name] = places.count
        places.append(key.place)
        return places.count - 1
      }
    }
    self.places = places
  }

  /// What nodes call the issuer; nil where it is retired. Without a copy of all that an issuer is.
  public func sharedName(of issuer: IssuerIndex) -> SharedIssuerName? { sharedNames[Int(issuer.value)] }

  /// Whether the issuer's answers with that hash are signed ahead.
  public func isSignedAhead(_ hash: HashAlgorithm, of issuer: IssuerIndex) -> Bool {
    hashesAhead[Int(issuer.value)] & 1 << hash.rawValue != 0
  }

  /// The places in which some issuer has a key now.
  public var usedPlaces: Set<Int> { Set(placesOfIssuers.joined()) }

  /// The issuer's key in a place; nil where it has none there.
  public func key(of issuer: IssuerIndex, in place: Int) -> (any Signer)? {
    guard let position = placesOfIssuers[Int(issuer.value)].firstIndex(of: place) else { return nil }
    return issuers[issuer].keys[position]
  }

  /// The credential in whose name the issuer's new answers are signed.
  public func credential(of issuer: Issuer) -> CredentialTable.Entry {
    credentials[issuer.credentialIndex]
  }
}

/// What the configuration says of one issuer, before it has numbers.
public struct IssuerSettings: Sendable {
  public var name: String
  /// SHA-256 over subject and public key: what makes it the same CA whatever its certificate.
  public var identity: [UInt8]
  public var policy: IssuerPolicy
  public var identifiers: [HashAlgorithm: IssuerIdentifier]
  public var credential: SigningCredential
  public var keys: [any Signer]
  public var notBefore: UnixTime

  public init(
    name: String, identity: [UInt8], policy: IssuerPolicy, identifiers: [HashAlgorithm: IssuerIdentifier],
    credential: SigningCredential, keys: [any Signer], notBefore: UnixTime
  ) {
    self.name = name
    self.identity = identity
    self.policy = policy
    self.identifiers = identifiers
    self.credential = credential
    self.keys = keys
    self.notBefore = notBefore
  }
}

extension IssuerDirectory {
  /// Gives everything its number where there is no store: at an edge, whose issuers need no keys, and whose credentials come
  /// with the answers that others have signed.
  ///
  /// Issuers that the configuration has dropped stay as retired ones.
  public static func ofEdge(
    _ settings: [IssuerSettings], after previous: IssuerDirectory? = nil, surrogateKeyFields: [SurrogateKeyField] = []
  ) throws -> IssuerDirectory {
    var issuers = previous?.issuers.issuers.map(\.retired) ?? []
    for one in settings {
      let name = SharedIssuerName(identity: one.identity)
      let place = issuers.firstIndex { $0.sharedName == name } ?? issuers.count
      let issuer = Issuer(
        index: IssuerIndex(UInt16(place)), storeID: StoreIssuerID(Int64(place)), name: one.name, policy: one.policy,
        identifiers: one.identifiers, credential: one.credential, credentialIndex: CredentialIndex(0), keys: [],
        issuerNotBefore: one.notBefore, sharedName: name,
        progress: place < issuers.count ? issuers[place].progress : IssuerProgress())
      if place < issuers.count { issuers[place] = issuer } else { issuers.append(issuer) }
    }
    return try IssuerDirectory(
      issuers, credentials: previous?.credentials ?? CredentialTable(), surrogateKeyFields: surrogateKeyFields)
  }

  /// Gives everything its number, in the store and in memory.
  ///
  /// Issuers that the configuration has dropped stay as retired ones. The table of credentials holds those of earlier
  /// configurations too, as long as their certificates last: stored answers may be theirs.
  ///
  /// - Parameter previous: the directory in force; nil at the start.
  public static func make(
    _ settings: [IssuerSettings], session: any StatusStoreSession, now: UnixTime,
    after previous: IssuerDirectory? = nil, surrogateKeyFields: [SurrogateKeyField] = []
  ) throws -> IssuerDirectory {
    var issuers = previous?.issuers.issuers.map(\.retired) ?? []
    var credentials = previous?.credentials ?? CredentialTable()
    for one in settings {
      let storeID = try session.issuer(name: one.name, identity: one.identity)
      // Before the others are read, one of which may be the same with other dates.
      let credentialID = try session.credential(one.credential, issuer: storeID)
      for (id, credential) in try session.credentials(issuer: storeID, endingAfter: now) {
        _ = credentials.insert(credential, storeID: id)
      }
      let place = issuers.firstIndex { $0.storeID == storeID } ?? issuers.count
      let issuer = Issuer(
        index: IssuerIndex(UInt16(place)), storeID: storeID, name: one.name, policy: one.policy,
        identifiers: one.identifiers, credential: one.credential,
        credentialIndex: credentials.insert(one.credential, storeID: credentialID), keys: one.keys,
        issuerNotBefore: one.notBefore, sharedName: SharedIssuerName(identity: one.identity),
        progress: place < issuers.count ? issuers[place].progress : IssuerProgress())
      if place < issuers.count { issuers[place] = issuer } else { issuers.append(issuer) }
    }
    return try IssuerDirectory(
      issuers, credentials: credentials, placesBefore: previous?.places ?? [], surrogateKeyFields: surrogateKeyFields)
  }
}
