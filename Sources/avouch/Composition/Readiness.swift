import CalendarTime
import Responder
import ResponderRuntime

/// Whether a balancer may send questions here: 200 or 503, with the reasons.
struct Readiness {
  let isReady: Bool
  let answer: ControlAnswer

  init(_ runtime: ResponderRuntime) {
    let now = SystemClock().now()
    let directory = runtime.directory
    let issuers = directory.issuers.issuers.filter { !$0.isRetired }
    var reasons: [String] = []
    if !runtime.isStartupFinished { reasons.append("the answers of the start are still being made") }
    reasons += issuers.compactMap { $0.reasonOfDates(now: now) }
    if runtime.isFailingToFollow { reasons.append("the status store cannot be read: changes are not applied") }
    var warnings: [String] = []
    if runtime.isFailingToSave { warnings.append("the status store cannot be written: signed answers are not kept") }
    warnings += runtime.signingTroubles.filter { !reasons.contains($0) }
    var object = JSONObject()
    isReady = reasons.isEmpty
    object.add("ready", isReady)
    object.add("reasons", reasons)
    object.add("warnings", warnings)
    object.add("appliedRevision", runtime.appliedRevision.value)
    answer = ControlAnswer(reasons.isEmpty ? 200 : 503, "application/json", object.text + "\n")
  }
}
