import EventLoop
import FoundationEssentials
import Glibc
import HTTPClient
import Responder

/// Asks the responder that runs on the same configuration, if there is one.
struct ControlClient {
  private static let pauseMicroseconds: UInt32 = 250_000
  private let address: ListenAddress

  init(_ configuration: LoadedConfiguration) throws {
    address = try configuration.controlAddress()
  }

  /// What became of a wait for a revision.
  enum Applied {
    case applied
    case nobodyThere
    case failed(String)
  }

  /// Waits until the running responder's caches have seen the revision.
  ///
  /// - Parameter patienceSeconds: a large import takes its time; one revocation does not.
  func waitUntilApplied(_ revision: Revision, patienceSeconds: Int) -> Applied {
    let end = MonotonicTime.now().advanced(byMilliseconds: Int64(patienceSeconds) * 1000)
    while true {
      do {
        let response = try HTTPClient.send(request("/v1/applied?revision=\(revision.value)", post: true))
        if response.status == 200 { return .applied }
        // 504: it is alive and has not come that far yet. 503: as many wait as may, and their wait is short.
        guard [503, 504].contains(response.status), MonotonicTime.now() < end else {
          return .failed("it says \(ControlClient.line(response.body))")
        }
        if response.status == 503 { usleep(ControlClient.pauseMicroseconds) }
      } catch {
        return error.isNobodyThere ? .nobodyThere : .failed("\(error)")
      }
    }
  }

  /// Why other nodes of the fleet are not told of what changes at the running responder, and whether that answers nothing
  /// itself because another node is the origin; no trouble where there is no fleet.
  func fleet() -> (troubles: [String], isSuspended: Bool) {
    struct Readiness: Decodable {
      var fleet: [String]?
      var suspended: Bool?
    }
    guard let response = try? HTTPClient.send(request("/readyz", post: false)),
      let readiness = try? JSONDecoder().decode(Readiness.self, from: Data(response.body))
    else { return ([], false) }
    return (readiness.fleet ?? [], readiness.suspended ?? false)
  }

  /// Whether a responder runs, in whatever state.
  var isSomebodyThere: Bool {
    do {
      _ = try HTTPClient.send(request("/readyz", post: false))
      return true
    } catch {
      return !error.isNobodyThere
    }
  }

  /// What is known of the running responder's memory.
  enum Memory {
    /// Its own JSON.
    case known(String)
    case nobodyThere
    /// It may hold answers, and could not be asked.
    case failed(String)
  }

  /// What the running responder's cache holds of one certificate.
  func answers(issuer: String, serial: String) -> Memory {
    do {
      let response = try HTTPClient.send(request("/v1/answers?issuer=\(issuer)&serial=\(serial)", post: false))
      let line = ControlClient.line(response.body)
      return response.status == 200 ? .known(line) : .failed("the responder on \(address) says: \(line)")
    } catch {
      return error.isNobodyThere ? .nobodyThere : .failed("\(error)")
    }
  }

  /// A body as one line of a message.
  private static func line(_ body: [UInt8]) -> String {
    String(decoding: body, as: UTF8.self).filter { $0 != "\n" }
  }

  private func request(_ target: String, post: Bool) -> HTTPClient.Request {
    let host = address.port == nil ? "localhost" : "\(address)"
    var socketPath: String?
    if case .unix(let path) = address { socketPath = path }
    var request = HTTPClient.Request(
      url: "http://\(host)\(target)", method: post ? .post(body: [], contentType: "text/plain") : .get,
      unixSocketPath: socketPath)
    request.timeoutMilliseconds = 15_000
    request.usesProxies = false
    return request
  }
}
