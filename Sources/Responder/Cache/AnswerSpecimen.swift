import CalendarTime
import OCSP

/// A template in the making: what an answer looks like when its gaps are taken out.
struct AnswerSpecimen {
  let family: AnswerTemplate.Family
  private(set) var gaps: AnswerTemplate.Gaps
  let signatureCoding: SignatureCoding
  /// The octets with zeros in every gap, derived times included.
  private let skeleton: [UInt8]
  private let octets: [UInt8]
  private let producedAt: UnixTime

  /// Nil where the answer has a shape that no template can have.
  init?(_ answer: Answer) {
    guard let layout = ResponseLayout(prefix: answer.prefix.span), layout.serial.count == answer.key.serial.count,
      let nextUpdate = layout.nextUpdate
    else { return nil }
    family = AnswerTemplate.Family(answer)
    producedAt = answer.times.producedAt
    octets = answer.prefix
    signatureCoding = SignatureCoding(answer.prefix.span.extracting(layout.signature))
    gaps = AnswerTemplate.Gaps(
      serialStart: layout.serial.lowerBound, producedAtStart: layout.producedAt.lowerBound,
      thisUpdateStart: layout.thisUpdate.lowerBound, revocationStart: layout.revocationTime?.lowerBound,
      // An answer lives so long as its issuer's policy says; an archive begins at some time.
      nextUpdate: AnswerTemplate.Derived(
        start: nextUpdate.lowerBound, rule: .after(answer.times.nextUpdate.seconds(since: producedAt))),
      archiveCutoff: nil, signatureStart: layout.signature.lowerBound, signatureCount: layout.signature.count)
    if let range = layout.archiveCutoff, let time = AnswerSpecimen.time(octets, range) {
      gaps.archiveCutoff = AnswerTemplate.Derived(start: range.lowerBound, rule: .at(time))
    }
    var skeleton = octets
    let moving = [layout.serial, layout.producedAt, layout.thisUpdate, nextUpdate, layout.signature]
    for range in moving + [layout.revocationTime, layout.archiveCutoff].compactMap({ $0 }) {
      for index in range { skeleton[index] = 0 }
    }
    self.skeleton = skeleton
  }

  /// What is remembered of an answer, so that the next one of its kind can be compared with it.
  struct Sighting: Sendable {
    var fingerprint: UInt64
    var producedAt: UnixTime
    var nextUpdate: UnixTime
    var archiveCutoff: UnixTime?
  }

  var sighting: Sighting {
    Sighting(
      fingerprint: fingerprint, producedAt: producedAt, nextUpdate: gaps.nextUpdate.time(producedAt: producedAt),
      archiveCutoff: gaps.archiveCutoff?.time(producedAt: producedAt))
  }

  /// Learns from an earlier answer of the same kind which of its times move with producedAt, and which stay.
  mutating func learn(from earlier: Sighting) {
    guard producedAt != earlier.producedAt else { return }
    gaps.nextUpdate = learn(gaps.nextUpdate, earlier.nextUpdate, earlier.producedAt)
    if let mine = gaps.archiveCutoff, let its = earlier.archiveCutoff {
      gaps.archiveCutoff = learn(mine, its, earlier.producedAt)
    }
  }

  private func learn(
    _ mine: AnswerTemplate.Derived, _ its: UnixTime, _ itsProducedAt: UnixTime
  ) -> AnswerTemplate.Derived {
    let time = mine.time(producedAt: producedAt)
    let delay = time.seconds(since: producedAt)
    if time == its { return AnswerTemplate.Derived(start: mine.start, rule: .at(time)) }
    guard delay == its.seconds(since: itsProducedAt) else { return mine }
    return AnswerTemplate.Derived(start: mine.start, rule: .after(delay))
  }

  func template() -> AnswerTemplate {
    AnswerTemplate(family: family, gaps: gaps, signatureCoding: signatureCoding, octets: octets)
  }

  /// A number for all that is not in a gap: nearly always the same for answers of one template, and else another.
  var fingerprint: UInt64 {
    var state: UInt64 = 0xCBF2_9CE4_8422_2325
    for octet in skeleton { state = (state ^ UInt64(octet)) &* 0x100_0000_01B3 }
    return Mixing.fold(state, 0x9E37_79B9_7F4A_7C15) | 1
  }

  private static func time(_ octets: [UInt8], _ range: Range<Int>) -> UnixTime? {
    guard range.count == GeneralizedTimeText.count, range.upperBound <= octets.count else { return nil }
    return unsafe octets.withUnsafeBufferPointer { octets in
      unsafe octets.baseAddress.flatMap { unsafe GeneralizedTimeText.read($0 + range.lowerBound) }
    }
  }
}
