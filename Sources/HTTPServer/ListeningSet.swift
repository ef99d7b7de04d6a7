/// Which of a worker's listeners wait for connections at present. Some of them may have failed to begin: those alone are tried
/// again, and only what has begun is ended.
struct ListeningSet {
  private var isListening: [Bool]

  init(count: Int) {
    isListening = Array(repeating: false, count: count)
  }

  /// - Parameter begin: has the listener of that place wait; false where that failed.
  mutating func start(_ begin: (Int) -> Bool) {
    for place in isListening.indices where !isListening[place] { isListening[place] = begin(place) }
  }

  mutating func stop(_ end: (Int) -> Void) {
    for place in isListening.indices where isListening[place] {
      end(place)
      isListening[place] = false
    }
  }
}
