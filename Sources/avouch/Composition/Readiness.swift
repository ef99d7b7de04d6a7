import Feeds
import Responder
import ResponderRuntime

/// Whether a balancer may send questions here: 200 or 503, with the reasons.
struct Readiness {
  let isReady: Bool
  let reasons: [String]
  let warnings: [String]
  let answer: ControlAnswer

  /// - Parameters:
  ///   - revision: the newest one whose changes memory has seen; nil where there is no status store.
  ///   - fleet: why other nodes are not told of what changes here.
  ///   - isSuspended: whether nothing is answered because another node is the origin.
  init(reasons: [String], warnings: [String], revision: Revision?, fleet: [String] = [], isSuspended: Bool = false) {
    self.reasons = reasons
    self.warnings = warnings
    var object = JSONObject()
    isReady = reasons.isEmpty
    object.add("ready", isReady)
    object.add("reasons", reasons)
    object.add("warnings", warnings)
    if let revision { object.add("appliedRevision", revision.value) }
    if !fleet.isEmpty { object.add("fleet", fleet) }
    if isSuspended { object.add("suspended", true) }
    answer = ControlAnswer(reasons.isEmpty ? 200 : 503, "application/json", object.text + "\n")
  }

  init(
    _ runtime: ResponderRuntime, _ fleet: OriginFleet?, _ events: OriginEvents?, _ crls: CRLWatcher,
    _ purging: OriginPurging
  ) {
    // Where some are served, the node stays: a token that is down is down for every node, and a balancer would be left with
    // none at all.
    let unserved = runtime.unservedIssuers
    let isAnybodyServed = unserved.count < runtime.issuerCount
    var reasons: [String] = []
    if let suspension = runtime.suspensionReason { reasons.append(suspension) }
    if !runtime.isStartupFinished { reasons.append("the answers of the start are still being made") }
    if !isAnybodyServed { reasons += unserved }
    if runtime.isFailingToFollow { reasons.append("the status store cannot be read: changes are not applied") }
    reasons += crls.objections
    var warnings: [String] = crls.warnings
    if runtime.isFailingToSave { warnings.append("the status store cannot be written: signed answers are not kept") }
    if isAnybodyServed { warnings += unserved }
    // Of a node that is not to sign nothing is to be said of how it signs.
    if runtime.suspensionReason == nil {
      warnings += runtime.signingTroubles.filter { !reasons.contains($0) && !warnings.contains($0) }
    }
    warnings += events?.warnings ?? []
    warnings += purging.warnings
    let troubles = fleet?.troubles ?? []
    warnings += troubles
    let untold = [runtime.suspensionReason].compactMap(\.self) + troubles
    self.init(
      reasons: reasons, warnings: warnings, revision: runtime.appliedRevision, fleet: untold,
      isSuspended: runtime.suspensionReason != nil)
  }
}
