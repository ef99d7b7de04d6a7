import CalendarTime
import Metrics
import OCSP
import Responder
import Synchronization

extension EdgeResponder {
  /// The answer in octets of the shared level; nil where they must not be used. What is no good is marked there.
  func checked(
    _ octets: [UInt8], _ key: ResponseKey, _ sharedKey: SharedKey, _ issuer: Issuer
  ) -> (answer: Answer, isSignedAhead: Bool)? {
    guard octets != SharedAnswer.damaged, let certID = issuer.encodedCertID(key.serial, key.hashAlgorithm) else {
      return nil
    }
    let read: SharedAnswer.Read
    do {
      read = try SharedAnswer.read(octets, for: sharedKey, certID: certID, now: clock.now(), hasher: hasher)
    } catch .untimely {
      counters.ended.add(1)
      return nil
    } catch {
      counters.damaged.add(1)
      shared.discard(octets, under: sharedKey)
      return nil
    }
    let frame = read.answer
    // No origin could put anything in its place.
    guard frame.token.isPlausible(at: clock.now()) else {
      counters.damaged.add(1)
      shared.discard(octets, under: sharedKey)
      return nil
    }
    guard frame.revision >= changes.withLock({ $0.revision(of: sharedKey) }) else {
      counters.outdated.add(1)
      return nil
    }
    guard let (credential, prefix) = credential(of: frame.response, read.basic) else {
      counters.damaged.add(1)
      return nil
    }
    if case .revoked? = read.basic.responses.first?.status {
      changes.withLock { $0.remember(sharedKey, frame.revision) }
      // Its news may not have come, and memory may have an older answer with another hash.
      for algorithm in HashAlgorithm.allCases where algorithm != key.hashAlgorithm {
        cache.drop(
          ResponseKey(issuer: key.issuer, hashAlgorithm: algorithm, serial: key.serial), before: frame.revision)
      }
    }
    let answer = Answer(
      key: key, revision: frame.revision, times: frame.times, digest: read.digest, prefix: prefix,
      credential: credential, isForUnissued: false)
    return (answer, frame.isSignedAhead)
  }

  /// In whose name a response is signed, and what of it comes before the embedded certificates.
  private func credential(
    of response: [UInt8], _ basic: ReceivedResponse.Basic
  ) -> (CredentialIndex, prefix: [UInt8])? {
    let suffix = BasicOCSPResponse.certificatesSuffix(basic.certificates)
    guard response.suffix(suffix.count).elementsEqual(suffix) else { return nil }
    // When the signer's certificate ends is the origin's business: no answer of it lasts longer.
    let credential = SigningCredential(
      responderID: basic.responderID, signatureAlgorithm: basic.signatureAlgorithm, certificates: basic.certificates,
      notBefore: UnixTime(seconds: 0), notAfter: .endOfTime)
    let index = current.withLock { current -> CredentialIndex? in
      if let known = current.credentials[credential] { return known }
      guard current.credentials.count < EdgeResponder.maximumCredentials,
        let (next, index) = current.directory.adding(credential)
      else { return nil }
      current.directory = next
      current.credentials[credential] = index
      generation.wrappingAdd(1, ordering: .releasing)
      return index
    }
    return index.map { ($0, Array(response.dropLast(suffix.count))) }
  }
}
