import DER
import HTTP1

/// The OCSPRequest inside the target of a GET (RFC 6960 A.1): `{url}/{url-encoding of base64 of the DER}`.
///
/// The target is never normalised: a `//` inside base64 is data. Any path may stand before the request, so each `/` is
/// tried as the place where it begins, the first one first, until what follows decodes to one whole DER SEQUENCE
/// (standards, quirks 1 to 3).
enum RequestTarget {
  /// Bound on the places tried in one target: a path of slashes must not cost a decoding each.
  private static let maximumTries = 16

  /// The DER in `output`, as a count of octets; nil where the target holds no request or `output` is too small.
  ///
  /// - Parameter known: what many requests have in common.
  static func decode(
    _ target: Span<UInt8>, knowing known: KnownBase64? = nil, into output: inout MutableSpan<UInt8>
  ) -> Int? {
    // Nearly every target is base64 to its end, in which neither `?` nor `#` can be.
    if let count = decode(target, to: target.count, known, into: &output) { return count }
    let end = endOfPath(target)
    return end == target.count ? nil : decode(target, to: end, known, into: &output)
  }

  private static func decode(
    _ target: Span<UInt8>, to end: Int, _ known: KnownBase64?, into output: inout MutableSpan<UInt8>
  ) -> Int? {
    var tries = 0
    var position = 0
    while let start = nextStart(target, from: &position, end: end), tries < maximumTries {
      tries += 1
      guard let count = Base64.decodeTarget(target.extracting(start..<end), knowing: known, into: &output) else {
        continue
      }
      if isOneSequence(output.span, count: count) { return count }
    }
    return nil
  }

  /// A query string is somebody's addition (standards, quirk 3).
  private static func endOfPath(_ target: Span<UInt8>) -> Int {
    OctetScan.first(0x3F, or: 0x23, in: target, 0..<target.count)
  }

  /// The next place after a `/`, raw or as `%2F`, where base64 of a SEQUENCE can begin: with `M`, raw or coded.
  private static func nextStart(_ target: Span<UInt8>, from position: inout Int, end: Int) -> Int? {
    while position < end {
      let octet = target[position]
      position += 1
      if octet == 0x25, position + 1 < end, target[position] == 0x32, target[position + 1] | 0x20 == 0x66 {
        position += 2
      } else if octet == 0x3F || octet == 0x23 {
        // A query is no place for a request: who leaves it out of a cache's key would serve it under the path before it.
        return nil
      } else if octet != 0x2F {
        continue
      }
      guard position < end else { return nil }
      if target[position] == 0x4D || target[position] == 0x25 { return position }
    }
    return nil
  }

  private static func isOneSequence(_ octets: Span<UInt8>, count: Int) -> Bool {
    guard count > 2, octets[0] == DERTag.sequence.rawValue else { return false }
    // Nearly all are shorter than the long form of lengths begins.
    if octets[1] < 0x80 { return Int(octets[1]) == count - 2 }
    var reader = DERReader(octets, in: 0..<count)
    do throws(DERError) {
      _ = try reader.read(.sequence)
    } catch {
      return false
    }
    return reader.isAtEnd
  }
}
