import OCSP

/// The frames of one thread's last responses: the next ones mostly have the sizes of one of them.
///
/// Of the credential they hold what an answer needs: to look it up in what all threads share counts references that all
/// threads count.
public struct ResponseFrames {
  /// Signatures of P-256 have three sizes, most of them, and revoked certificates another entry than good ones.
  private static let most = 8

  private final class Known {
    let credential: CredentialIndex
    let dataCount: Int
    let signatureCount: Int
    let frame: BasicOCSPResponseFrame
    let suffix: [UInt8]

    init(_ entry: CredentialTable.Entry, _ credential: CredentialIndex, dataCount: Int, signatureCount: Int) {
      self.credential = credential
      self.dataCount = dataCount
      self.signatureCount = signatureCount
      suffix = entry.suffix
      frame = BasicOCSPResponseFrame(
        dataCount: dataCount, signatureAlgorithm: entry.credential.signatureAlgorithm, signatureCount: signatureCount,
        suffixCount: suffix.count)
    }
  }

  private var known: [Known] = []
  private var oldest = 0

  public init() {}

  /// The same as `AnswerBuilder.answer` with the entry of the plan's credential.
  ///
  /// - Parameter entry: looked at only where no frame fits.
  public mutating func answer(
    _ plan: AnswerBuilder.Plan, tbsResponseData: [UInt8], signature: [UInt8],
    entry: @autoclosure () -> CredentialTable.Entry, hasher: some ResponseHasher
  ) -> Answer {
    let found = known.first {
      $0.signatureCount == signature.count && $0.dataCount == tbsResponseData.count && $0.credential == plan.credential
    }
    let fitting =
      found
      ?? make(entry(), plan.credential, dataCount: tbsResponseData.count, signatureCount: signature.count)
    let prefix = fitting.frame.prefix(tbsResponseData: tbsResponseData, signature: signature)
    return AnswerBuilder.answer(plan, prefix: prefix, suffix: fitting.suffix, hasher: hasher)
  }

  private mutating func make(
    _ entry: CredentialTable.Entry, _ credential: CredentialIndex, dataCount: Int, signatureCount: Int
  ) -> Known {
    let new = Known(entry, credential, dataCount: dataCount, signatureCount: signatureCount)
    if known.count < ResponseFrames.most {
      known.append(new)
    } else {
      known[oldest] = new
      oldest = (oldest + 1) % known.count
    }
    return new
  }
}
