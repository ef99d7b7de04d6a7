import CalendarTime
import Fleet
import OCSP
import Responder
import Simulation
import TestSupport
import Testing

/// Invariant 1 among nodes: in whatever order signatures, writes, news, fetches and losses come.
@Suite("Interleavings of an origin, a shared level and its edges")
struct InterleavingTests {
  private struct Certificate {
    var revision: UInt64 = 1
    var isRevoked = false
    /// By edge: whether it is known there, by its news or from the shared level.
    var isKnown = [false, false]
  }

  private let revoked = CertificateStatus.revoked(Sample.revocation())

  @Test("no edge says good of a certificate once it has known that it is revoked", arguments: 0..<10)
  func neverGoodAgain(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 1000)
    for _ in 0..<20 { try run(&random) }
  }

  private func run(_ random: inout SeededGenerator) throws {
    let world = try FleetWorld(edges: 2)
    var certificates = (0..<3).map { _ in Certificate() }
    /// Answers that were signed a while ago and are written late: a slow refresh, a paused origin.
    var unwritten: [(number: Int, frame: [UInt8], isChange: Bool, revision: UInt64)] = []
    var revision: UInt64 = 1
    for number in certificates.indices { world.store(try world.frame(number, .good, revision: 1), number) }
    world.shared.stepByStep()
    for _ in 0..<60 {
      let number = Int.random(in: certificates.indices, using: &random)
      let edge = Int.random(in: 0..<2, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0 where !certificates[number].isRevoked:
        revision += 1
        certificates[number].isRevoked = true
        certificates[number].revision = revision
        let frame = try world.frame(number, revoked, revision: revision)
        unwritten.append((number, frame, true, revision))
      case 1:
        // A refresh that read the status now, and will be written some time.
        let certificate = certificates[number]
        world.clock.advance(seconds: 1)
        let frame = try world.frame(number, certificate.isRevoked ? revoked : .good, revision: certificate.revision)
        unwritten.append((number, frame, false, certificate.revision))
      case 2, 3:
        guard !unwritten.isEmpty else { continue }
        let next = unwritten.remove(at: Int.random(in: unwritten.indices, using: &random))
        world.store(next.frame, next.number)
        if next.isChange {
          world.announce(.changed(world.sharedKey(next.number), Revision(next.revision), frame: next.frame))
        }
      case 4: _ = world.ask(number, edge: edge)
      case 5 where Int.random(in: 0..<8, using: &random) == 0:
        // A new master that has lost a write.
        world.shared.setValue(try world.frame(number, .good, revision: 1), world.sharedKey(number))
      case 6: _ = world.shared.tellNext(edge)
      case 7 where Int.random(in: 0..<8, using: &random) == 0: world.edges[edge].cache.dropAll()
      default: _ = world.shared.turn { Int.random(in: 0..<$0, using: &random) }
      }
      try check(world, &certificates)
    }
    while world.shared.turn({ Int.random(in: 0..<$0, using: &random) }) { try check(world, &certificates) }
  }

  private func check(_ world: FleetWorld, _ certificates: inout [Certificate]) throws {
    for number in certificates.indices where certificates[number].isRevoked {
      for edge in 0..<2 {
        let served = try world.served(number, edge: edge)
        if served == revoked { certificates[number].isKnown[edge] = true }
        guard certificates[number].isKnown[edge] else { continue }
        #expect(served == nil || served == revoked, "edge \(edge) says \(String(describing: served)) of \(number)")
      }
    }
  }
}
