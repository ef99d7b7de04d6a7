import HTTP1
import HTTPServer
import Responder

/// The head of an answer that caches may keep, but for surrogate keys and the connection (RFC 9919 7.2): one stretch of octets,
/// into which what differs is written where it belongs.
enum CacheableHead {
  private static let text: StaticString = """
    HTTP/1.1 200 OK\r
    Content-Type: application/ocsp-response\r
    Date: ddd, dd ddd dddd dd:dd:dd GMT\r
    Last-Modified: lll, ll lll llll ll:ll:ll GMT\r
    Expires: eee, ee eee eeee ee:ee:ee GMT\r
    ETag: "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"\r
    Cache-Control: max-age=
    """
  private static let dateStart = 64
  private static let lastModifiedStart = dateStart + 29 + 17
  private static let expiresStart = lastModifiedStart + 29 + 11
  private static let tagStart = expiresStart + 29 + 9
  private static let middle: StaticString = ", public, no-transform, must-revalidate\r\nContent-Length: "

  /// - Parameters:
  ///   - maximumAge: in seconds, not negative.
  ///   - count: octets of the body.
  static func write(
    _ answer: AnswerHead, maximumAge: Int64, count: Int, turn: Turn, dates: DateMemo, to response: inout ResponseBuffer
  ) {
    let size = text.utf8CodeUnitCount
    let middleSize = middle.utf8CodeUnitCount
    unsafe response.append(atMost: size + middleSize + 2 * DecimalText.room + 2) { target in
      unsafe target.update(from: text.utf8Start, count: size)
      unsafe turn.writeDate(to: target + dateStart)
      unsafe dates.write(answer.times.producedAt, to: target + lastModifiedStart)
      unsafe dates.write(answer.times.nextUpdate, to: target + expiresStart)
      unsafe answer.digest.writeHexadecimal(to: target + tagStart)
      var end = unsafe size + DecimalText.write(UInt64(maximumAge), to: target + size)
      unsafe (target + end).update(from: middle.utf8Start, count: middleSize)
      end += middleSize
      unsafe end += DecimalText.write(UInt64(count), to: target + end)
      unsafe target[end] = 0x0D
      unsafe target[end + 1] = 0x0A
      return end + 2
    }
  }
}
