import CalendarTime
public import Responder
import Synchronization

/// A store whose first scan of certificates fails; all else goes to the store behind it.
public final class FailingScanStore: StatusStore {
  private let store: any StatusStore
  private let failed = Mutex(0)

  public init(store: any StatusStore) {
    self.store = store
  }

  /// How many scans have failed.
  public var failures: Int { failed.withLock { $0 } }

  public func openSession() throws(StoreError) -> any StatusStoreSession {
    ForwardingSession(try store.openSession()) { [self] () throws(StoreError) in
      let isFirst = failed.withLock { failed in
        defer { failed = 1 }
        return failed == 0
      }
      if isFirst { throw StoreError(kind: .busy, description: "the first scan fails") }
    }
  }
}
