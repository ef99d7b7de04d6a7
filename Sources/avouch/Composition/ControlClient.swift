import EventLoop
import HTTPClient
import Responder

/// Asks the responder that runs on the same configuration, if there is one.
struct ControlClient {
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
        // 504: it is alive and has not come that far yet.
        guard response.status == 504, MonotonicTime.now() < end else {
          return .failed("it says \(String(decoding: response.body, as: UTF8.self))")
        }
      } catch {
        return error.isNobodyThere ? .nobodyThere : .failed("\(error)")
      }
    }
  }

  /// What the running responder's cache holds, as JSON; nil where none runs.
  func answers(issuer: String, serial: String) throws -> String? {
    do {
      let response = try HTTPClient.send(request("/v1/answers?issuer=\(issuer)&serial=\(serial)", post: false))
      let text = String(decoding: response.body, as: UTF8.self)
      guard response.status == 200 else { throw CommandFailure.no("the responder on \(address) says: \(text)") }
      return text
    } catch let failure as HTTPClient.Failure {
      if failure.isNobodyThere { return nil }
      throw failure
    }
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
