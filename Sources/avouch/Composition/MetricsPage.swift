import CalendarTime
import HTTPServer
import Metrics
import OCSPOverHTTP
import Responder
import ResponderRuntime

/// Everything that is counted, for Prometheus.
enum MetricsPage {
  static func text(_ node: any ServingNode, server: HTTPServer, handlers: HandlerCounters) -> String {
    var page = ExpositionText()
    page.add(
      "avouch_build_info", .gauge, help: "Always 1; the version is in the label.", label: "version",
      [(Program.version, 1)])
    page.add("avouch_ready", .gauge, help: "1 where /readyz says 200, else 0.", node.readiness.isReady ? 1 : 0)
    addServer(server.statistics(), &page)
    page.add(
      "avouch_requests_total", .counter, help: "OCSP requests by how they were answered.", label: "result",
      [
        ("hit", handlers.hits), ("miss", handlers.misses.current), ("live", handlers.live.current),
        ("malformed", handlers.malformed.current), ("unauthorized", handlers.unauthorized.current),
        ("method", handlers.methodsRefused.current), ("withheld", handlers.withheld.current),
      ])
    page.add(
      "avouch_not_modified_total", .counter, help: "Conditional requests answered with 304.",
      handlers.notModified.current)
    node.addMetrics(&page)
    addCache(node.source.cache.statistics(), &page)
    return page.text
  }

  /// What a node counts that signs.
  static func add(_ runtime: ResponderRuntime, to page: inout ExpositionText) {
    addState(runtime, &page)
    addRuntime(runtime, &page)
  }

  /// What an alert asks first: whether all is well, and until when.
  private static func addState(_ runtime: ResponderRuntime, _ page: inout ExpositionText) {
    page.add(
      "avouch_store_writable", .gauge, help: "0 where signed answers could not be kept in the store the last time.",
      runtime.isFailingToSave ? 0 : 1)
    let issuers = runtime.issuers.issuers.filter { !$0.isRetired }
    page.add(
      "avouch_signer_not_after_seconds", .gauge,
      help: "When the certificate that answers are signed with ends, in seconds since 1970.", label: "issuer",
      issuers.map { ($0.name, UInt64(clamping: $0.credential.notAfter.seconds)) })
  }

  private static func addServer(_ statistics: ServerStatistics, _ page: inout ExpositionText) {
    page.add("avouch_connections", .gauge, help: "Open connections.", statistics.openConnections)
    page.add(
      "avouch_connections_accepted_total", .counter, help: "Accepted connections.", statistics.acceptedConnections)
    page.add(
      "avouch_connections_refused_total", .counter, help: "Connections told 503 over the bound.",
      statistics.refusedConnections)
    page.add("avouch_http_requests_total", .counter, help: "HTTP requests.", statistics.requests)
    page.add(
      "avouch_http_errors_total", .counter, help: "Requests that were no HTTP, or over a limit.",
      statistics.protocolErrors)
    page.add("avouch_timeouts_total", .counter, help: "Connections ended for being slow or idle.", statistics.timeouts)
    page.add(
      "avouch_dropped_answers_total", .counter, help: "Answers whose client was gone.", statistics.droppedCompletions)
    page.add(
      "avouch_out_of_descriptors_total", .counter, help: "Times that no descriptor was left for a connection.",
      statistics.outOfDescriptors)
  }

  private static func addRuntime(_ runtime: ResponderRuntime, _ page: inout ExpositionText) {
    let counters = runtime.counters
    page.add(
      "avouch_false_signatures_total", .counter, help: "Signatures of tokens that did not verify; none was given out.",
      counters.falseSignatures.current)
    page.add(
      "avouch_false_answers_total", .counter, help: "Answers in memory that turned out to have one, and were replaced.",
      counters.falseAnswers.current)
    page.add(
      "avouch_unusable_answers_total", .counter,
      help: "Answers from the store whose octets were not those that had been signed; none was given out.",
      counters.unusable.current)
    page.add("avouch_signatures_total", .counter, help: "Signatures made.", counters.signatures.current)
    page.add(
      "avouch_signing_failures_total", .counter, help: "Signatures that failed.", counters.signingFailures.current)
    page.add(
      "avouch_store_failures_total", .counter, help: "Calls of the store that failed.", counters.storeFailures.current)
    page.add("avouch_coalesced_total", .counter, help: "Questions that shared a signature.", counters.coalesced.current)
    page.add(
      "avouch_try_later_total", .counter, help: "Questions told tryLater.", label: "reason",
      [
        ("bound", counters.refused.current), ("deadline", counters.overdue.current),
        ("token", counters.unsignable.current),
      ])
    page.add(
      "avouch_abandoned_total", .counter, help: "Questions whose askers were gone before anything was signed.",
      counters.abandoned.current)
    page.add(
      "avouch_overtaken_total", .counter, help: "Answers overtaken by a change before they were published.",
      counters.overtaken.current)
    page.add("avouch_changes_applied_total", .counter, help: "Changes applied.", counters.changesApplied.current)
    page.add(
      "avouch_refreshes_total", .counter, help: "Answers renewed at their planned age.", counters.refreshes.current)
    page.add("avouch_loaded_total", .counter, help: "Answers loaded from the store.", counters.loaded.current)
    page.add("avouch_presigned_total", .counter, help: "Answers signed ahead at the start.", counters.presigned.current)
    page.add(
      "avouch_unsaved_total", .counter, help: "Answers that were not kept in the store.", counters.unsaved.current)
    page.add(
      "avouch_signing_threads_lost_total", .counter, help: "Threads given up because a token's call did not return.",
      counters.lostThreads.current)
    let backlog = runtime.signingBacklog
    page.add(
      "avouch_signing_backlog", .gauge, help: "What waits to be signed.", label: "lane",
      [
        ("revocation", UInt64(backlog.revocations)), ("miss", UInt64(backlog.misses)),
        ("renewal", UInt64(backlog.renewals)),
      ])
    addPlaces(runtime.placeReports, &page)
    page.add(
      "avouch_issuer_signing", .gauge, help: "1 where something signs for the issuer, else 0.", label: "issuer",
      runtime.signableIssuers.map { ($0.name, $0.isSignable ? 1 : 0) })
    page.add("avouch_revision", .gauge, help: "The newest revision applied.", runtime.appliedRevision.value)
  }

  private static func addPlaces(_ reports: [ResponderRuntime.PlaceReport], _ page: inout ExpositionText) {
    func values(_ value: (ResponderRuntime.PlaceReport) -> UInt64?) -> [(String, UInt64)] {
      reports.compactMap { report in value(report).map { (report.name, $0) } }
    }
    page.add(
      "avouch_place_signing", .gauge, help: "1 where the place signs, 0 where it is left alone after failures.",
      label: "place", values { $0.isSigning ? 1 : 0 })
    page.add(
      "avouch_place_signatures_total", .counter, help: "Signatures made by place.", label: "place",
      values { $0.signatures })
    page.add(
      "avouch_place_busy_microseconds_total", .counter, help: "Time spent in the calls that sign.", label: "place",
      values { $0.busyNanoseconds / 1000 })
    page.add(
      "avouch_place_needed_next_hour", .gauge, help: "Renewals that are due within the hour.", label: "place",
      values { $0.forecast.map { UInt64($0.needed) } })
    page.add(
      "avouch_place_given_next_hour", .gauge, help: "Signatures that the place gives in an hour.", label: "place",
      values { $0.forecast?.given.map { UInt64($0) } })
  }

  private static func addCache(_ statistics: AnswerCache.Statistics, _ page: inout ExpositionText) {
    page.add("avouch_cache_answers", .gauge, help: "Answers in memory.", UInt64(statistics.entries))
    page.add("avouch_cache_bytes", .gauge, help: "Memory that they take.", UInt64(statistics.liveBytes))
    page.add("avouch_cache_capacity_bytes", .gauge, help: "Memory there is for them.", UInt64(statistics.capacityBytes))
    page.add("avouch_cache_evictions_total", .counter, help: "Answers that made room.", statistics.evictions)
    page.add(
      "avouch_cache_unissued_evictions_total", .counter,
      help: "Answers for unissued serials that made room for others of their kind.", statistics.unissuedEvictions)
    page.add(
      "avouch_cache_refused_total", .counter, help: "Answers refused as older than what is there.",
      statistics.refusedAsOlder)
  }
}
