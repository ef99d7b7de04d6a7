/// The templates by which the last answers of one thread were kept. The next ones mostly fit one of them, and are then kept
/// without the lock that all threads share.
///
/// Each counts as a use of its template, so that none goes away meanwhile: to be let go where nothing follows at once. That
/// thread's alone.
@safe
public final class RecentTemplates {
  private static let most = 12
  private let templates: AnswerTemplates
  /// Those that fit more often stand before the others.
  private var indexes: [Int] = []
  /// Where answers are rebuilt to be compared.
  private let scratch: UnsafeMutablePointer<UInt8>

  init(_ templates: AnswerTemplates) {
    self.templates = templates
    unsafe scratch = .allocate(capacity: AnswerTemplates.reckonedBytes)
  }

  deinit {
    for index in indexes { templates.release(index) }
    unsafe scratch.deallocate()
  }

  /// The same as `AnswerTemplates.take`.
  func take(_ answer: Answer, into record: CompactRecord) -> Int? {
    let family = AnswerTemplate.Family(answer)
    for place in indexes.indices {
      let count = unsafe templates.take(answer, of: family, by: indexes[place], into: record, scratch: scratch)
      guard let count else { continue }
      if place > 0 { indexes.swapAt(place, place - 1) }
      return count
    }
    guard let count = templates.take(answer, into: record) else { return nil }
    keep(record.word.template)
    return count
  }

  private func keep(_ index: Int) {
    templates.retain(index)
    if indexes.count == RecentTemplates.most { templates.release(indexes.removeLast()) }
    indexes.append(index)
  }
}
