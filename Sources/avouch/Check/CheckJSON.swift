import CalendarTime
import HTTPClient
import OCSP
import OpenSSLCrypto

/// One JSON object of `avouch check`, whatever came of it: always the same keys, null where there is nothing to say.
struct CheckJSON {
  var report: CheckReport?
  /// What came back, an OCSP response or not.
  var http: HTTPClient.Response?
  /// Why there is no report.
  var error: String?
  var url: String
  var method: String

  var text: String {
    var object = JSONObject()
    object.add("status", report?.statusName ?? "noAnswer")
    object.add("verified", report?.isVerified ?? false)
    object.add("error", error)
    object.add("problems", report?.verdict?.problems ?? [])
    object.add("serial", report?.question.serial.hexadecimal)
    object.add("hash", report?.question.hashAlgorithm.name)
    object.add("issuer", report?.issuer.subjectText)
    object.add("subject", report?.subject)
    object.add("ocspStatus", report?.status.name)
    addTimes(to: &object)
    object.add("signer", report?.verdict?.signer?.subjectText)
    object.add("delegated", report?.verdict?.isDelegated)
    object.add("nonce", report?.verdict.map { "\($0.nonce)" })
    object.add("url", url)
    object.add("method", method)
    object.add("httpStatus", http?.status)
    object.add("octets", http?.body.count)
    object.add("milliseconds", http?.milliseconds)
    object.add("cacheControl", http?.header("Cache-Control"))
    object.add("etag", http?.header("ETag"))
    object.add("expires", http?.header("Expires"))
    object.add("age", http?.header("Age").flatMap { Int($0) })
    return object.text
  }

  private func addTimes(to object: inout JSONObject) {
    let single = report?.verdict?.single
    var revocation: Revocation?
    if case .revoked(let given) = single?.status { revocation = given }
    object.add("revokedAt", revocation?.time.iso8601)
    object.add("reason", revocation?.reason?.name)
    object.add("thisUpdate", single?.thisUpdate.iso8601)
    object.add("nextUpdate", single?.nextUpdate?.iso8601)
    object.add("producedAt", report?.basic?.producedAt.iso8601)
  }
}
