import OCSP
import Testing

@testable import LoadGenerator

@Suite("Questions of a load")
struct QuestionTests {
  private func mix(_ change: (inout QuestionMix) -> Void) -> QuestionMix {
    var mix = QuestionMix()
    change(&mix)
    return mix
  }

  @Test("the same seed asks the same, number by number; another seed asks otherwise")
  func seeds() throws {
    let serials = try LoadWorld.serials(1000)
    let one = mix {
      $0.posts = .init(0.3)
      $0.nonces = .init(0.2)
      $0.unknown = .init(0.1)
      $0.malformed = .init(0.1)
      $0.hashes = [(.sha1, 0.5), (.sha256, 0.5)]
    }
    var other = one
    other.seed = 2
    let (first, second) = (Questioner(serials: serials, mix: one), Questioner(serials: serials, mix: one))
    let third = Questioner(serials: serials, mix: other)
    var different = 0
    for number in 0..<500 as Range<UInt64> {
      let question = first.question(number)
      #expect(question == second.question(number))
      #expect(first.serial(of: question) == second.serial(of: question))
      if question != third.question(number) { different += 1 }
    }
    #expect(different > 400)
  }

  @Test("each share of a mix is kept")
  func shares() throws {
    let questioner = Questioner(
      serials: try LoadWorld.serials(10),
      mix: mix {
        $0.posts = .init(0.3)
        $0.nonces = .init(0.1)
        $0.unknown = .init(0.2)
        $0.malformed = .init(0.05)
        $0.hashes = [(.sha1, 0.9), (.sha384, 0.1)]
      })
    let count = 40_000
    let questions = (0..<UInt64(count)).map { questioner.question($0) }
    func share(_ isSo: (Question) -> Bool) -> Double { Double(questions.count(where: isSo)) / Double(count) }
    #expect(abs(share(\.isPost) - 0.3) < 0.01)
    #expect(abs(share(\.hasNonce) - 0.1) < 0.01)
    #expect(abs(share { $0.hash == .sha384 } - 0.1) < 0.01)
    #expect(abs(share { $0.subject == .unknown } - 0.19) < 0.01)
    let damages = Set(questions.compactMap { if case .malformed(let damage) = $0.subject { damage } else { nil } })
    #expect(damages == Set(RequestDamage.allCases))
    #expect(!questions.contains { $0.isPost && $0.subject == .malformed(.badBase64) })
  }

  @Test("a share of none takes nothing, a share of all everything")
  func extremes() {
    var numbers = SplitMix(seed: 5)
    for _ in 0..<1000 {
      let number = numbers.next()
      #expect(!QuestionMix.Share.none.takes(number))
      #expect(QuestionMix.Share.all.takes(number))
    }
    #expect(QuestionMix.Share.all.takes(.max))
    #expect(!QuestionMix.Share.none.takes(0))
  }

  @Test("uniform asks about each serial equally often, sequential about one after the other")
  func distributions() throws {
    let serials = try LoadWorld.serials(50)
    let uniform = Questioner(serials: serials, mix: QuestionMix())
    var counts = [Int](repeating: 0, count: 50)
    for number in 0..<50_000 as Range<UInt64> {
      guard case .listed(let place) = uniform.question(number).subject else { continue }
      counts[Int(place)] += 1
    }
    #expect(ChiSquare.fits(counts, [Double](repeating: 1, count: 50)))
    let sequential = Questioner(serials: serials, mix: mix { $0.distribution = .sequential })
    #expect((0..<120 as Range<UInt64>).allSatisfy { sequential.question($0).subject == .listed(UInt32($0 % 50)) })
  }

  @Test("invented serials are 16 octets of a positive number, each another one")
  func invented() throws {
    let questioner = Questioner(serials: try LoadWorld.serials(1), mix: mix { $0.unknown = .all })
    let serials = (0..<2000 as Range<UInt64>).map { questioner.serial(of: questioner.question($0)) }
    #expect(Set(serials).count == 2000)
    #expect(serials.allSatisfy { $0.count == 16 && $0[0] > 0 && $0[0] < 0x80 })
  }

  @Test("in a Zipf mix each serial has one rank, and which is asked about most depends on the seed")
  func zipfPlaces() throws {
    var mostAsked: Set<UInt32> = []
    for seed in 1...6 as ClosedRange<UInt64> {
      let questioner = Questioner(
        serials: try LoadWorld.serials(30),
        mix: mix {
          $0.distribution = .zipf(0.3)
          $0.seed = seed
        })
      var counts: [UInt32: Int] = [:]
      for number in 0..<20_000 as Range<UInt64> {
        if case .listed(let place) = questioner.question(number).subject { counts[place, default: 0] += 1 }
      }
      #expect(counts.count == 30)
      if let most = counts.max(by: { $0.value < $1.value }) { mostAsked.insert(most.key) }
    }
    #expect(mostAsked.count > 1)
  }
}

/// Whether counts come from a distribution.
enum ChiSquare {
  /// - Parameter weights: in the proportion of the probabilities.
  static func fits(_ counts: [Int], _ weights: [Double]) -> Bool {
    let total = Double(counts.reduce(0, +))
    let sum = weights.reduce(0, +)
    var statistic = 0.0
    var cells = 0
    var (rest, expectedRest) = (0.0, 0.0)
    for (count, weight) in zip(counts, weights) {
      rest += Double(count)
      expectedRest += total * weight / sum
      // Cells with little in them are put together.
      guard expectedRest >= 20 else { continue }
      statistic += (rest - expectedRest) * (rest - expectedRest) / expectedRest
      cells += 1
      (rest, expectedRest) = (0, 0)
    }
    let freedom = Double(max(1, cells - 1))
    // Five standard deviations of a chi-square: never by chance, and soon where a distribution is wrong.
    return statistic < freedom + 5 * (2 * freedom).squareRoot()
  }
}
