import OCSP

/// One question of a load, from which its request is written, and once more for an example.
struct Question: Sendable, Hashable {
  enum Subject: Sendable, Hashable {
    /// A serial of the list, by its place.
    case listed(UInt32)
    /// One that the list does not have.
    case unknown
    /// Damaged in that way; what it was about before does not matter.
    case malformed(RequestDamage)
  }

  /// The number of the request: says all that chance decides of it.
  var number: UInt64
  var subject: Subject
  var isPost: Bool
  var hash: HashAlgorithm
  var hasNonce: Bool
}

/// Makes the questions of a load, one for each number. The same for all threads.
struct Questioner: Sendable {
  let serials: SerialList
  let seed: UInt64
  private let mix: QuestionMix
  private let hashes: [(algorithm: HashAlgorithm, share: QuestionMix.Share)]
  private let zipf: ZipfRanks?
  /// Multiplies ranks, so that the serials that are asked about most are not those at the beginning of the list. Has no
  /// divisor in common with their number, so that each rank has a serial of its own.
  private let spread: UInt64

  init(serials: SerialList, mix: QuestionMix) {
    precondition(serials.count > 0 && !mix.hashes.isEmpty)
    self.serials = serials
    self.mix = mix
    seed = mix.seed
    var sum = 0.0
    hashes = mix.hashes.map { entry in
      sum += entry.fraction
      return (entry.algorithm, QuestionMix.Share(sum))
    }
    if case .zipf(let exponent) = mix.distribution {
      zipf = ZipfRanks(count: serials.count, exponent: exponent)
    } else {
      zipf = nil
    }
    spread = Questioner.spread(over: UInt64(serials.count), seed: mix.seed)
  }

  private static func spread(over count: UInt64, seed: UInt64) -> UInt64 {
    var numbers = SplitMix(seed: seed)
    while true {
      let candidate = numbers.next(below: count) + 1
      var (left, right) = (candidate, count)
      while right != 0 { (left, right) = (right, left % right) }
      if left == 1 { return candidate }
    }
  }

  func question(_ number: UInt64) -> Question {
    var numbers = SplitMix(seed: seed, number: number)
    let isPost = mix.posts.takes(numbers.next())
    let hash = hashes.count == 1 ? hashes[0].algorithm : hash(numbers.next())
    let hasNonce = mix.nonces.takes(numbers.next())
    let subject: Question.Subject
    if mix.malformed.takes(numbers.next()) {
      subject = .malformed(RequestDamage.any(isPost: isPost, &numbers))
    } else if mix.unknown.takes(numbers.next()) {
      subject = .unknown
    } else {
      subject = .listed(place(number, &numbers))
    }
    return Question(number: number, subject: subject, isPost: isPost, hash: hash, hasNonce: hasNonce)
  }

  private func hash(_ number: UInt64) -> HashAlgorithm {
    for entry in hashes where entry.share.takes(number) { return entry.algorithm }
    // Shares that fall short of 1 by rounding.
    return hashes[hashes.count - 1].algorithm
  }

  private func place(_ number: UInt64, _ numbers: inout SplitMix) -> UInt32 {
    let count = UInt64(serials.count)
    if let zipf {
      let rank = UInt64(zipf.draw(&numbers))
      return UInt32(truncatingIfNeeded: rank &* spread % count)
    }
    if case .sequential = mix.distribution { return UInt32(truncatingIfNeeded: number % count) }
    return UInt32(truncatingIfNeeded: numbers.next(below: count))
  }

  func serial(of question: Question) -> SerialNumber {
    switch question.subject {
    case .listed(let place): serials.serial(at: Int(place))
    case .unknown, .malformed: Questioner.unknownSerial(seed: seed, number: question.number)
    }
  }

  func expectation(of question: Question) -> SerialList.Expectation {
    if case .listed(let place) = question.subject { return serials.expectation(at: Int(place)) }
    return .any
  }

  static let unknownSerialOctets = 16

  /// 126 bits by chance behind a bit that is set: that one of them is in the list does not happen.
  private static func unknownSerial(seed: UInt64, number: UInt64) -> SerialNumber {
    var numbers = SplitMix(seed: seed ^ 0x5EB1_A150_0000_0000, number: number)
    var octets = InlineArray<16, UInt8>(repeating: 0)
    fill(&octets, with: &numbers)
    octets[0] = octets[0] & 0x3F | 0x40
    guard let serial = SerialNumber(content: octets.span) else { preconditionFailure("16 octets are a serial") }
    return serial
  }

  /// The octets of a question's nonce (RFC 9654 2.1: 32 are recommended).
  func nonce(of question: Question) -> InlineArray<32, UInt8> {
    var numbers = SplitMix(seed: seed ^ 0x0A0C_E000_0000_0000, number: question.number)
    var octets = InlineArray<32, UInt8>(repeating: 0)
    Questioner.fill(&octets, with: &numbers)
    return octets
  }

  private static func fill<let count: Int>(_ octets: inout InlineArray<count, UInt8>, with numbers: inout SplitMix) {
    var word: UInt64 = 0
    for index in 0..<count {
      if index % 8 == 0 { word = numbers.next() }
      octets[index] = UInt8(truncatingIfNeeded: word)
      word >>= 8
    }
  }
}
