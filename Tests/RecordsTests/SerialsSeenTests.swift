import OCSP
import TestSupport
import Testing

@testable import Records

@Suite("Serials seen")
struct SerialsSeenTests {
  @Test("a hundred thousand serials, each found where it was first, and no other one")
  func exact() {
    var seen = SerialsSeen()
    func serial(at place: Int) -> SerialNumber? { Sample.serial(place) }
    let count = 100_000
    for number in 0..<count {
      let before = seen.insert(Sample.serial(number), place: number, serialAt: serial(at:))
      if before != nil { Issue.record("\(number) was taken for \(before ?? 0)") }
    }
    for number in stride(from: 0, to: count, by: 7) {
      #expect(seen.insert(Sample.serial(number), place: count, serialAt: serial(at:)) == number)
    }
    #expect(seen.insert(Sample.serial(count), place: count, serialAt: serial(at:)) == nil)
  }

  @Test("equal hashes are not enough: the file has the last word")
  func asked() {
    var seen = SerialsSeen()
    var asked: [Int] = []
    #expect(seen.insert(Sample.serial(1), place: 5, serialAt: { _ in nil }) == nil)
    let before = seen.insert(Sample.serial(1), place: 6) { place in
      asked.append(place)
      return Sample.serial(2)
    }
    #expect(before == nil && asked == [5])
  }
}
