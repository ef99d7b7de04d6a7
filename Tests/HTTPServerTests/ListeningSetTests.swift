import Testing

@testable import HTTPServer

@Suite("Listening set")
struct ListeningSetTests {
  @Test("after a failure in the middle, only that listener is tried again, and all of them can stop")
  func partialFailure() {
    var set = ListeningSet(count: 3)
    var begun: [Int] = []
    var ended: [Int] = []
    set.start { place in
      begun.append(place)
      return place != 1
    }
    #expect(begun == [0, 1, 2])
    set.stop { ended.append($0) }
    #expect(ended == [0, 2], "what has not begun is not ended")
    set.start { $0 != 1 }
    begun = []
    set.start { place in
      begun.append(place)
      return true
    }
    #expect(begun == [1], "what waits already is not begun again")
    ended = []
    set.stop { ended.append($0) }
    set.stop { ended.append($0) }
    #expect(ended == [0, 1, 2])
  }
}
