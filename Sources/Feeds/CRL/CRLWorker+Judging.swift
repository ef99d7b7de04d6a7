import CalendarTime
import HTTPClient
import OCSP
import OpenSSLCrypto
import Records
import Responder

/// What becomes of what was read.
extension CRLWorker {
  /// How a look at a source ended; with what is wrong, where something is.
  typealias Ending = (result: CRLReadResult, trouble: String?)

  /// Judges the end of a fetch.
  func take(_ outcome: CRLFetches.Outcome, from source: CRLSourceState, of feed: Feed) -> Ending {
    let response: HTTPClient.Response
    switch outcome {
    case .success(let answer): response = answer
    case .failure(let failure): return (.unavailable, failure.description)
    }
    switch response.status {
    case 200:
      let ending = take(response.body, from: source, of: feed)
      let isTaken = !ending.result.isFailure
      source.entityTag = isTaken ? response.header("ETag") : nil
      source.lastModified = isTaken ? response.header("Last-Modified") : nil
      return ending
    case 304 where source.digest != nil: return (.notModified, nil)
    default: return (.unavailable, "\(source.source): the server says \(response.status); 200 is expected")
    }
  }

  /// Judges a CRL, and applies what is new in it.
  func take(_ octets: consuming [UInt8], from source: CRLSourceState, of feed: Feed) -> Ending {
    let digest = OpenSSLHasher().digest(octets, .sha256)
    if digest == source.digest { return (.unchanged, nil) }
    let name = source.source.description
    let now = watcher.clock.now()
    let crl: VerifiedCRL
    do {
      crl = try VerifiedCRL(
        file: octets, name: name, issuer: feed.settings.certificate, now: now, takesDeltas: true)
    } catch {
      return (.refused, "\(error)")
    }
    let facts = CRLFacts(crl.list, digest: digest)
    switch feed.tracker.verdict(on: facts, from: source.id) {
    case .refused(let why): return (.refused, "\(name): \(why)")
    case .waitsForBase(let why): return (.waiting, "\(name): \(why)")
    case .nothingNew:
      accept(facts, of: crl, entries: nil, from: source, feed)
      return (.unchanged, nil)
    case .apply: return apply(crl, facts, from: source, feed, at: now)
    }
  }

  private func apply(
    _ crl: VerifiedCRL, _ facts: CRLFacts, from source: CRLSourceState, _ feed: Feed, at now: UnixTime
  ) -> Ending {
    let differences = CRLDifferences(session: session, issuer: feed.settings.storeID) { [watcher] in watcher.isClosing }
    let outcome: CRLDifferences.Outcome
    do {
      outcome = try differences.apply(
        crl.list, source: "CRL \(facts.position) from \(source.source)", at: now)
    } catch let error as StoreError {
      return (.unstored, "\(source.source): the CRL was read and could not be kept: \(error)")
    } catch let error as CRLDifferences.GivenUp {
      return (.unstored, "\(source.source): \(error)")
    } catch {
      return (.refused, "\(error)")
    }
    for warning in crl.warnings { watcher.log.warning("issuer '\(feed.settings.issuerName)': \(warning)") }
    if let nextUpdate = facts.nextUpdate, nextUpdate < now { feed.staleTold = nextUpdate }
    accept(facts, of: crl, entries: outcome.entries, from: source, feed)
    tell(outcome, facts, source, feed)
    guard let summary = outcome.summary else { return (.unchanged, nil) }
    feed.revision = summary.revision
    // Announces it: the follower looks at once.
    _ = watcher.revisions.waitUntilApplied(summary.revision, milliseconds: 0)
    return (.applied, nil)
  }

  private func accept(
    _ facts: CRLFacts, of crl: VerifiedCRL, entries: Int?, from source: CRLSourceState, _ feed: Feed
  ) {
    feed.tracker.accept(facts, from: source.id, entries: entries)
    source.digest = facts.digest
    guard facts.baseNumber == nil else { return }
    for other in feed.sources where other.waitsForBase { other.nextLook = now }
  }

  private func tell(_ outcome: CRLDifferences.Outcome, _ facts: CRLFacts, _ source: CRLSourceState, _ feed: Feed) {
    let kind = facts.baseNumber.map { "delta CRL on \($0)" } ?? "CRL"
    var text =
      "issuer '\(feed.settings.issuerName)': \(kind) (\(facts.position)) from \(source.source): "
      + "\(outcome.entries) entries"
    if let summary = outcome.summary {
      let lifted = summary.added + summary.changed - summary.revoked
      text +=
        ", \(summary.added) added, \(summary.changed) changed (\(lifted) holds lifted), revision \(summary.revision.value)"
      if summary.keptRevoked.count > 0 {
        text += "; \(summary.keptRevoked.count) stay revoked that it lists as on hold"
      }
    } else {
      text += ", nothing new"
    }
    watcher.log.info(text)
  }

  /// Counts how a look ended, tells what is wrong once, and plans the next look.
  func end(_ ending: Ending, of source: CRLSourceState, _ feed: Feed) {
    feed.counters.add(ending.result)
    source.waitsForBase = ending.result == .waiting
    if let trouble = ending.trouble {
      if trouble != source.trouble { watcher.log.warning("issuer '\(feed.settings.issuerName)': \(trouble)") }
      source.trouble = trouble
      source.retry(after: now, isToBeReadAgain: ending.result != .unavailable)
      return
    }
    if source.trouble != nil {
      watcher.log.info("issuer '\(feed.settings.issuerName)': \(source.source): the CRL can be read again")
    }
    source.trouble = nil
    source.rest(after: now, milliseconds: rest(of: source.source, feed.settings))
  }

  // MARK: - Ages

  /// Withholds the answers of issuers whose CRLs are too old, and gives them free again.
  func judgeAges() {
    let now = watcher.clock.now()
    for feed in feeds {
      let settings = feed.settings
      var objection = CRLAge.objection(
        issuerName: settings.issuerName, newestUpdate: feed.tracker.newestUpdate,
        maximumSeconds: settings.maximumAgeSeconds, now: now)
      if objection == nil, feed.objection != nil, feed.revision > watcher.revisions.appliedRevision {
        // Memory has not seen yet what the CRL brought.
        objection = feed.objection
      }
      if objection == nil, feed.objection != nil {
        watcher.log.info("issuer '\(settings.issuerName)': its CRL is young enough; its questions are answered again")
      } else if let objection, feed.objection == nil {
        watcher.log.warning(objection)
      }
      feed.objection = objection
      settings.progress.withhold(objection != nil)
      tellOfStaleness(feed, now)
    }
    watcher.cache.withholdsSome(feeds.contains { $0.objection != nil })
  }

  private func tellOfStaleness(_ feed: Feed, _ now: UnixTime) {
    guard let nextUpdate = feed.tracker.nextUpdate, nextUpdate < now, feed.staleTold != nextUpdate else { return }
    feed.staleTold = nextUpdate
    watcher.log.warning(
      "issuer '\(feed.settings.issuerName)': its newest CRL ended at \(nextUpdate.iso8601) and is used all the same; "
        + "there must be a newer one")
  }

  func report() {
    watcher.publish(
      feeds.map { feed in
        CRLReport(
          issuerName: feed.settings.issuerName, counters: feed.counters, number: feed.tracker.number,
          newestUpdate: feed.tracker.newestUpdate, nextUpdate: feed.tracker.nextUpdate, entries: feed.tracker.entries,
          objection: feed.objection,
          troubles: feed.sources.compactMap(\.trouble).map { "issuer '\(feed.settings.issuerName)': \($0)" })
      })
  }
}
