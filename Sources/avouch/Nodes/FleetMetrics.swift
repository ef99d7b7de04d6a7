import Fleet
import Metrics
import RedisClient
import Responder

/// What an origin counts of its part in a fleet.
enum FleetMetrics {
  static func add(_ fleet: OriginFleet, to page: inout ExpositionText) {
    var token: UInt64?
    if case .leading(let held) = fleet.status { token = held.value }
    page.add(
      "avouch_fleet_leading", .gauge, help: "1 where this node is the origin of the fleet, else 0.",
      token == nil ? 0 : 1)
    page.add("avouch_fleet_token", .gauge, help: "The fencing token of the lease; 0 without one.", token ?? 0)
    page.add(
      "avouch_fleet_complete_issuers", .gauge, help: "Issuers of which every answer that is signed ahead is in Redis.",
      UInt64(fleet.completeIssuers))
    let backlog = fleet.publisher.backlog
    page.add(
      "avouch_fleet_backlog", .gauge, help: "What waits to get into Redis.", label: "kind",
      [("answer", UInt64(backlog.answers)), ("news", UInt64(backlog.news))])
    let counters = fleet.publisher.counters
    page.add(
      "avouch_fleet_writes_total", .counter, help: "Answers offered to Redis, by what became of them.", label: "result",
      [
        ("written", counters.written.current), ("unchanged", counters.unchanged.current),
        ("absent", counters.absent.current), ("superseded", counters.superseded.current),
        ("fenced", counters.fenced.current),
        ("failed", counters.failures.current),
      ])
    let wanted = fleet.wanted.counters
    page.add(
      "avouch_fleet_wanted_total", .counter, help: "Answers that other nodes asked for.", wanted.wanted.current)
    page.add(
      "avouch_fleet_wanted_unissued_total", .counter, help: "Those of them that were never issued.",
      wanted.unissued.current)
    addNodes(fleet.level, &page)
  }

  /// The servers, as this node sees them.
  static func addNodes(_ level: SharedLevel, _ page: inout ExpositionText) {
    let nodes = level.client.nodes
    func values(_ value: (NodeReport) -> UInt64) -> [(String, UInt64)] {
      nodes.map { ("\($0.address)", value($0)) }
    }
    page.add(
      "avouch_redis_up", .gauge, help: "1 where the server answers, else 0.", label: "server",
      values { $0.state == .ready ? 1 : 0 })
    page.add(
      "avouch_redis_commands_total", .counter, help: "Commands sent.", label: "server", values { $0.commands })
    page.add(
      "avouch_redis_errors_total", .counter, help: "Replies that were errors.", label: "server",
      values { $0.serverErrors })
    page.add(
      "avouch_redis_failures_total", .counter, help: "Commands that failed for want of a connection.", label: "server",
      values { $0.failures })
    page.add(
      "avouch_redis_deadlines_total", .counter, help: "Commands without a reply in time.", label: "server",
      values { $0.deadlines })
    page.add(
      "avouch_redis_reconnects_total", .counter, help: "Connections after the first one.", label: "server",
      values { $0.reconnects })
  }
}

/// What an edge counts.
enum EdgeMetrics {
  static func add(_ node: EdgeNode, to page: inout ExpositionText) {
    let counters = node.edge.counters
    page.add(
      "avouch_edge_hearing", .gauge, help: "1 where the stream of updates is heard, else 0.",
      node.follower.deafness == nil ? 1 : 0)
    page.add(
      "avouch_edge_checking", .gauge, help: "1 where answers in memory are looked up in Redis before they are given.",
      node.edge.cache.isDoubted ? 1 : 0)
    page.add(
      "avouch_edge_lookups_total", .counter, help: "Looks into Redis, by what was found.", label: "result",
      [
        ("fetched", counters.fetched.current), ("absent", counters.absent.current),
        ("failed", counters.failures.current), ("damaged", counters.damaged.current),
        ("ended", counters.ended.current), ("outdated", counters.outdated.current),
      ])
    page.add(
      "avouch_edge_wanted_total", .counter, help: "Answers asked of the origin.", counters.wanted.current)
    page.add(
      "avouch_coalesced_total", .counter, help: "Questions that shared a lookup.", counters.coalesced.current)
    page.add(
      "avouch_try_later_total", .counter, help: "Questions told tryLater.", label: "reason",
      [("bound", counters.refused.current), ("deadline", counters.overdue.current)])
    page.add("avouch_edge_updates_total", .counter, help: "Entries of the stream heard.", counters.updates.current)
    page.add(
      "avouch_edge_gaps_total", .counter, help: "Gaps in the stream; each time memory was emptied.",
      counters.gaps.current)
    page.add(
      "avouch_edge_origin_silence_seconds", .gauge,
      help: "Since something of an origin was heard; each beats every second.",
      UInt64(max(0, node.follower.silenceMilliseconds / 1000)))
    FleetMetrics.addNodes(node.level, &page)
  }
}
