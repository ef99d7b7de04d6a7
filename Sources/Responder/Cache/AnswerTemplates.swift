import Synchronization

/// The templates of one answer cache: finds the one that an answer is of, and makes new ones.
///
/// A template is made once two answers of its kind have come by; what is like no other (a hash of each certificate in its
/// entry, say) costs no template. Those that no record uses any more make room where there is none. Any thread may call
/// anything.
@safe
final class AnswerTemplates: @unchecked Sendable {
  // What the pointers lead to changes behind the lock alone, and only where nobody reads.

  /// What a record needs at most: answers with larger signatures (RSA above 7000 bits) are kept whole. No more than Swift
  /// allocates for a moment on the stack.
  static let largestRecord = 1024
  /// Templates are numbered in 16 bits.
  private static let mostTemplates = 65_000
  /// Octets that a template is reckoned to take; a larger one is not made.
  static let reckonedBytes = 1536
  /// Answers of one family are tried with at most so many templates.
  private static let mostOfFamily = 16
  /// After a search for room that found none: so many are turned away before the next.
  private static let searchPause = 4096

  let budgetBytes: Int
  /// Where each template is, by its number; null for one that does not exist.
  let places: UnsafeMutablePointer<UnsafeMutablePointer<AnswerTemplate>?>
  private let capacity: Int
  /// Where answers are rebuilt to be compared, behind the lock.
  private let scratch: UnsafeMutablePointer<UInt8>
  private let state: Mutex<State>

  private struct State {
    var families: [AnswerTemplate.Family: [Int]] = [:]
    var free: [Int] = []
    /// The first number that no template has had.
    var next = 0
    /// Direct-mapped by fingerprint.
    var sightings: [AnswerSpecimen.Sighting?]
    var turnedAway = 0
  }

  /// - Parameter budgetBytes: of the whole cache; a sixteenth of it at most is taken here.
  init(budgetBytes: Int) {
    capacity = min(AnswerTemplates.mostTemplates, max(8, budgetBytes / 16 / AnswerTemplates.reckonedBytes))
    self.budgetBytes = capacity * AnswerTemplates.reckonedBytes
    unsafe places = .allocate(capacity: capacity)
    unsafe places.initialize(repeating: nil, count: capacity)
    unsafe scratch = .allocate(capacity: AnswerTemplates.reckonedBytes)
    state = Mutex(State(sightings: Array(repeating: nil, count: min(4096, capacity * 4))))
  }

  deinit {
    for index in 0..<capacity { unsafe AnswerTemplates.destroy(places[index]) }
    unsafe places.deallocate()
    unsafe scratch.deallocate()
  }

  private static func destroy(_ template: UnsafeMutablePointer<AnswerTemplate>?) {
    guard let template = unsafe template else { return }
    unsafe template.deinitialize(count: 1)
    unsafe template.deallocate()
  }

  /// Writes a record of the answer where a template gives its octets again, and counts it among the template's uses.
  ///
  /// - Parameter record: room for `largestRecord` octets.
  /// - Returns: the octets of the record; nil where the answer has to be kept whole.
  func take(_ answer: Answer, into record: CompactRecord) -> Int? {
    let family = AnswerTemplate.Family(answer)
    return state.withLock { state in
      if let count = take(answer, of: family, &state, into: record) { return count }
      guard makeTemplate(for: answer, &state) else { return nil }
      return take(answer, of: family, &state, into: record)
    }
  }

  /// Writes a record of a stored answer by a template that is known; nil where it does not fit.
  func take(_ stored: StoredAnswer, signature: Span<UInt8>, by index: Int, into record: CompactRecord) -> Int? {
    guard let template = unsafe places[index],
      unsafe template.pointee.take(stored, signature: signature, as: index, into: record)
    else { return nil }
    retain(index)
    return unsafe template.pointee.recordCount
  }

  /// Writes a record of the answer if it is of that family and that template gives its octets again, and counts it among the
  /// template's uses; only by who has a use of the template, or the lock.
  ///
  /// - Parameter scratch: the caller's own, for `reckonedBytes` octets.
  func take(
    _ answer: Answer, of family: AnswerTemplate.Family, by index: Int, into record: CompactRecord,
    scratch: UnsafeMutablePointer<UInt8>
  ) -> Int? {
    guard let template = unsafe places[index], unsafe template.pointee.family == family,
      unsafe template.pointee.take(answer, as: index, into: record, scratch: scratch)
    else { return nil }
    retain(index)
    return unsafe template.pointee.recordCount
  }

  /// One use more; only by who has one already.
  func retain(_ index: Int) {
    guard let template = unsafe places[index] else { return }
    unsafe template.pointee.uses.add(1, ordering: .relaxed)
  }

  /// To be called for each record that is no more, or was never kept.
  func release(_ index: Int) {
    guard let template = unsafe places[index] else { return }
    unsafe template.pointee.uses.subtract(1, ordering: .releasing)
  }

  /// How many templates there are.
  var count: Int { state.withLock { $0.next - $0.free.count } }

  /// The uses of all templates together.
  var uses: Int {
    state.withLock { state in
      state.families.values.joined().reduce(0) { sum, index in
        guard let template = unsafe places[index] else { return sum }
        return unsafe sum + template.pointee.uses.load(ordering: .relaxed)
      }
    }
  }

  private func take(
    _ answer: Answer, of family: AnswerTemplate.Family, _ state: inout State, into record: CompactRecord
  ) -> Int? {
    guard let candidates = state.families[family] else { return nil }
    for index in candidates {
      if let count = unsafe take(answer, of: family, by: index, into: record, scratch: scratch) { return count }
    }
    return nil
  }

  // MARK: - Making

  private func makeTemplate(for answer: Answer, _ state: inout State) -> Bool {
    guard var specimen = AnswerSpecimen(answer) else { return false }
    let sighting = specimen.sighting
    let place = Int(sighting.fingerprint % UInt64(state.sightings.count))
    let earlier = state.sightings[place]
    state.sightings[place] = sighting
    guard let earlier, earlier.fingerprint == sighting.fingerprint else { return false }
    specimen.learn(from: earlier)
    let template = specimen.template()
    guard template.recordCount <= AnswerTemplates.largestRecord,
      template.prefixCount <= AnswerTemplates.reckonedBytes, let index = room(for: specimen.family, &state)
    else {
      return false
    }
    let target = UnsafeMutablePointer<AnswerTemplate>.allocate(capacity: 1)
    unsafe target.initialize(to: template)
    unsafe places[index] = unsafe target
    state.families[specimen.family, default: []].append(index)
    return true
  }

  /// A number for another template.
  private func room(for family: AnswerTemplate.Family, _ state: inout State) -> Int? {
    let isFamilyFull = state.families[family]?.count ?? 0 >= AnswerTemplates.mostOfFamily
    if isFamilyFull || (state.free.isEmpty && state.next == capacity) {
      state.turnedAway += 1
      guard state.turnedAway % AnswerTemplates.searchPause == 1 else { return nil }
      removeUnused(&state)
    }
    guard state.families[family]?.count ?? 0 < AnswerTemplates.mostOfFamily else { return nil }
    if let index = state.free.popLast() { return index }
    guard state.next < capacity else { return nil }
    state.next += 1
    return state.next - 1
  }

  /// Nobody reads a template without a use of it, and who has none gets one behind the same lock.
  private func removeUnused(_ state: inout State) {
    for (family, indexes) in state.families {
      let unused = indexes.filter { index in
        unsafe places[index].map { unsafe $0.pointee.uses.load(ordering: .acquiring) == 0 } ?? true
      }
      guard !unused.isEmpty else { continue }
      let rest = indexes.filter { !unused.contains($0) }
      state.families[family] = rest.isEmpty ? nil : rest
      for index in unused {
        unsafe AnswerTemplates.destroy(places[index])
        unsafe places[index] = nil
      }
      state.free += unused
    }
  }
}
