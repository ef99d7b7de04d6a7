import TestSupport
import Testing

@testable import RedisClient

@Suite("Commands of one shape")
struct CommandFormsTests {
  @Test("what is put into a form is what hiredis would have written")
  func same() {
    var generator = SeededGenerator(seed: 7)
    var forms = CommandForms()
    var octets: [UInt8] = []
    var expected: [UInt8] = []
    for _ in 0..<3000 {
      // Few shapes and many, words that are empty, and octets that forms are filled with.
      let words = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
        (0..<(4 * Int.random(in: 0...3, using: &generator))).map { _ in
          Bool.random(using: &generator) ? 0xFF : UInt8.random(in: 0...255, using: &generator)
        }
      }
      forms.append(words.span, to: &octets)
      expected += CommandEncoding.octets(of: words)
      #expect(octets == expected)
      (octets, expected) = ([], [])
    }
  }

  @Test("commands stand one behind the other")
  func behind() {
    var batch = RedisBatch(isForCluster: true, commands: 3, octets: 0)
    let commands = (8...11).map { RedisCommand("SET", "key-\($0)", "value", keyAt: 1) }
    for command in commands { batch.append(command.words.span, keyAt: 1) }
    let each = commands.map { CommandEncoding.octets(of: $0.words) }
    #expect(batch.octets == each.flatMap(\.self))
    #expect(batch.ends == [1, 2, 3, 4].map { each.prefix($0).reduce(0) { $0 + $1.count } })
    #expect(batch.slots == commands.map { ClusterSlot.of($0.words[1]) })
  }
}
