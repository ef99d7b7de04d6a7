import Glibc
import Testing

@testable import LoadGenerator

@Suite("Zipf ranks")
struct ZipfTests {
  @Test(
    "ranks come as often as k^-s says",
    arguments: [0.1, 0.5, 0.99, 1.0, 1.000_000_001, 1.3, 2.5, 10.0], [2, 7, 400])
  func frequencies(exponent: Double, count: Int) {
    let ranks = ZipfRanks(count: count, exponent: exponent)
    var numbers = SplitMix(seed: 11)
    var counts = [Int](repeating: 0, count: count)
    for _ in 0..<60_000 {
      let rank = ranks.draw(&numbers)
      #expect((1...count).contains(rank))
      counts[rank - 1] += 1
    }
    #expect(ChiSquare.fits(counts, (1...count).map { pow(Double($0), -exponent) }))
  }

  @Test("a wrong exponent is noticed by the same measure")
  func wrongExponent() {
    let ranks = ZipfRanks(count: 400, exponent: 1.1)
    var numbers = SplitMix(seed: 11)
    var counts = [Int](repeating: 0, count: 400)
    for _ in 0..<60_000 { counts[ranks.draw(&numbers) - 1] += 1 }
    #expect(!ChiSquare.fits(counts, (1...400).map { 1 / Double($0) }))
  }

  @Test("one rank is always that one; ten million and four thousand million stay in their bounds")
  func bounds() {
    var numbers = SplitMix(seed: 3)
    let one = ZipfRanks(count: 1, exponent: 1)
    let many = ZipfRanks(count: 10_000_000, exponent: 0.8)
    let most = ZipfRanks(count: SerialList.maximumCount, exponent: 1)
    for _ in 0..<2000 {
      #expect(one.draw(&numbers) == 1)
      #expect((1...10_000_000).contains(many.draw(&numbers)))
      #expect((1...SerialList.maximumCount).contains(most.draw(&numbers)))
    }
  }
}
