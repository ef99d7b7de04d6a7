import CalendarTime
import OCSP
import Responder
import Synchronization

extension MemorySession {
  func credential(_ credential: SigningCredential, issuer: StoreIssuerID) throws(StoreError) -> StoreCredentialID {
    try store.use { tables in
      let place = tables.credentials.firstIndex { $0.issuer == issuer && $0.credential.isSame(as: credential) }
      if let place {
        tables.credentials[place].credential = tables.credentials[place].credential.renewed(by: credential)
        return StoreCredentialID(Int64(place))
      }
      tables.credentials.append((issuer, credential))
      return StoreCredentialID(Int64(tables.credentials.count - 1))
    }
  }

  func credentials(
    issuer: StoreIssuerID, endingAfter time: UnixTime
  ) throws(StoreError) -> [(id: StoreCredentialID, credential: SigningCredential)] {
    try store.use { tables in
      tables.credentials.enumerated().filter { $0.element.issuer == issuer && $0.element.credential.notAfter > time }
        .map { (id: StoreCredentialID(Int64($0.offset)), credential: $0.element.credential) }
    }
  }

  func responsesDue(
    issuer: StoreIssuerID, at time: UnixTime, order: RenewalOrder, limit: Int
  ) throws(StoreError) -> [DueResponse] {
    try store.use { tables in
      let due = tables.responses.values.filter { $0.issuer == issuer && $0.times.refreshAt <= time }
      let sorted = due.sorted { left, right in
        order == .plan
          ? left.times.refreshAt < right.times.refreshAt : left.times.nextUpdate < right.times.nextUpdate
      }
      return sorted.prefix(limit).map { response in
        let row = tables.certificates[.init(issuer: issuer, serial: response.serial)]
        return DueResponse(
          hashAlgorithm: response.hashAlgorithm, serial: response.serial, nextUpdate: response.times.nextUpdate,
          reading: StatusReading(record: row?.record, revision: row?.revision ?? .zero, asOf: tables.revision))
      }
    }
  }

  func renewals(issuer: StoreIssuerID, until time: UnixTime) throws(StoreError) -> Int {
    try store.use { tables in
      tables.responses.values.count { $0.issuer == issuer && $0.times.refreshAt <= time }
    }
  }

  func firstRenewal(issuer: StoreIssuerID) throws(StoreError) -> UnixTime? {
    try store.use { tables in
      tables.responses.values.filter { $0.issuer == issuer }.map(\.times.refreshAt).min()
    }
  }

  func endings(issuer: StoreIssuerID, after start: UnixTime, until end: UnixTime) throws(StoreError) -> Int {
    try store.use { tables in
      tables.responses.values.count {
        $0.issuer == issuer && $0.times.nextUpdate > start && $0.times.nextUpdate <= end
      }
    }
  }

  func firstEnd(issuer: StoreIssuerID, after time: UnixTime) throws(StoreError) -> UnixTime? {
    try store.use { tables in
      tables.responses.values.filter { $0.issuer == issuer && $0.times.nextUpdate > time }.map(\.times.nextUpdate).min()
    }
  }

  func save(_ responses: [StoredResponse], at time: UnixTime) throws(StoreError) {
    try store.use { tables throws(StoreError) in
      if tables.isFull { throw StoreError(kind: .full, description: "the disk is full") }
      for response in responses {
        let key = MemoryStore.ResponseRowKey(
          certificate: .init(issuer: response.issuer, serial: response.serial), hashAlgorithm: response.hashAlgorithm)
        if let held = tables.responses[key] {
          let isLater = response.times.producedAt >= held.times.producedAt || held.times.isFromTheFuture(at: time)
          if response.revision < held.revision || (response.revision == held.revision && !isLater) { continue }
        }
        tables.responses[key] = response
      }
    }
  }

  func removeResponses(issuer: StoreIssuerID, serials: [SerialNumber]) throws(StoreError) {
    try store.use { tables in
      for serial in serials {
        for hash in HashAlgorithm.allCases {
          tables.responses[.init(certificate: .init(issuer: issuer, serial: serial), hashAlgorithm: hash)] = nil
        }
      }
    }
  }
}
