import LoadGenerator
import OCSP
import OpenSSLCrypto
import Records
import Responder

/// The serials that a load asks about, from wherever the command line says.
enum LoadSerials {
  /// - Parameter expected: what `--expect` says; nil where it is not given.
  static func read(_ arguments: Arguments, expected: SerialList.Expectation?) throws -> SerialList {
    let given = ["--serials", "--index", "--serial"].filter { arguments[$0] != nil }
    guard given.count == 1, let source = given.first, let value = arguments[source] else {
      throw arguments.wrong("give one of --serials, --index and --serial")
    }
    switch source {
    case "--serial": return SerialList([try arguments.serial()], expectation: expected ?? .issued)
    case "--serials": return try file(value, expected: expected ?? .issued)
    default: return try index(value, expected: expected)
    }
  }

  static func file(_ path: String, expected: SerialList.Expectation) throws(CommandFailure) -> SerialList {
    let octets = try Files.read(path, what: "a file of serials")
    do {
      return try SerialFile.read(octets, name: path, expectation: expected)
    } catch {
      throw .no(error.description)
    }
  }

  /// With what the file itself says of each. A revocation that it does not know yet is no mistake of the responder.
  private static func index(_ path: String, expected: SerialList.Expectation?) throws -> SerialList {
    let reader = OpenSSLIndexReader(try Files.read(path, what: "an index.txt"), name: path)
    var list = SerialList()
    while let batch = try reader.next() {
      for record in batch {
        list.append(record.serial, expected ?? (record.revocation == nil ? .issued : .revoked))
      }
    }
    guard list.count > 0 else { throw CommandFailure.no("\(path): no certificate is in this file") }
    return list
  }

  /// The issuer in all the hashes that are asked with.
  static func hashes(of issuer: Certificate, _ mix: QuestionMix) -> IssuerHashes {
    var hashes = IssuerHashes()
    for (algorithm, _) in mix.hashes {
      let identifier = IssuerIdentity(issuer).identifier(algorithm)
      hashes.set(algorithm, name: identifier.nameHash, key: identifier.keyHash)
    }
    return hashes
  }
}
