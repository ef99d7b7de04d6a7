import CalendarTime
import Responder
import ResponderRuntime

/// Whether a balancer may send questions here: 200 or 503, with the reasons.
struct Readiness {
  let answer: ControlAnswer

  init(_ runtime: ResponderRuntime) {
    let now = SystemClock().now()
    var reasons: [String] = []
    if !runtime.isStartupFinished { reasons.append("the answers of the start are still being made") }
    for issuer in runtime.issuers.issuers where now >= issuer.signerNotAfter {
      reasons.append("issuer '\(issuer.name)': the signer's certificate ended at \(issuer.signerNotAfter.iso8601)")
    }
    if runtime.isFailingToFollow { reasons.append("the status store cannot be read: changes are not applied") }
    var warnings: [String] = []
    for issuer in runtime.issuers.issuers {
      let validity = issuer.policy.validitySeconds
      if now < issuer.signerNotAfter, now.advanced(bySeconds: validity) > issuer.signerNotAfter {
        warnings.append(
          "issuer '\(issuer.name)': the signer's certificate ends at \(issuer.signerNotAfter.iso8601); answers are cut short"
        )
      }
    }
    var object = JSONObject()
    object.add("ready", reasons.isEmpty)
    object.add("reasons", reasons)
    object.add("warnings", warnings)
    object.add("appliedRevision", runtime.appliedRevision.value)
    answer = ControlAnswer(reasons.isEmpty ? 200 : 503, "application/json", object.text + "\n")
  }
}
