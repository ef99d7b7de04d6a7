import CalendarTime
import HTTP1
import HTTPClient
import OCSP
import OpenSSLCrypto
import Purge
import Responder
import ResponderRuntime

/// `avouch check`: asks a responder about one certificate and judges the answer as a relying party would.
enum CheckCommand {
  static let usage = """
    usage: avouch check --issuer ca.pem (--cert leaf.pem | --serial HEX) [options] URL

    Asks the responder at URL (http://host:port/path) about one certificate and checks the answer.

      --issuer FILE     certificate of the CA that issued it (PEM or DER)
      --cert FILE       the certificate to ask about
      --serial HEX      or only its serial number, in hexadecimal
      --get             ask with GET; the default is POST
      --hash NAME       hash of the CertID: sha1 (default), sha256, sha384, sha512
      --at http://HOST:PORT
                        connect there, whatever host URL names: to ask through a cache in front
      --nonce           send a nonce of 32 octets, and check that it comes back
      --json            print one JSON object instead of text, also where there is no answer

    Exit code: 0 good and verified; 1 revoked, unknown, not verified or not answered; 2 wrong use.
    """

  static func run(_ words: [String]) throws -> ExitCode {
    let grammar = Arguments.Grammar(
      values: ["--issuer", "--cert", "--serial", "--hash", "--at"], flags: ["--get", "--nonce", "--json"],
      words: ["URL"], usage: usage)
    guard let arguments = try Arguments(words, grammar) else { return .fine }
    let url = arguments.words[0]
    guard url.hasPrefix("http://") else { throw arguments.wrong("'\(url)' is not an http:// URL") }
    let place = try connectionPlace(arguments)
    let isGet = arguments.has("--get")
    let method = isGet ? "GET" : "POST"
    let isJSON = arguments.has("--json")
    var http: HTTPClient.Response?
    do {
      let report = try ask(arguments, url: url, place: place, isGet: isGet, &http)
      let json = CheckJSON(report: report, http: http, error: nil, url: url, method: method)
      Terminal.print(isJSON ? json.text : report.text)
      return report.exitCode
    } catch {
      let failure = error as? CommandFailure
      // Who reads JSON gets an object of what went wrong; a command that is wrong in itself asks nothing.
      guard isJSON, failure?.code != .wrongUse else { throw error }
      Terminal.print(CheckJSON(report: nil, http: http, error: "\(error)", url: url, method: method).text)
      return .no
    }
  }

  /// Asks and judges.
  ///
  /// - Parameter received: what came back, also where it is no OCSP response.
  private static func ask(
    _ arguments: Arguments, url: String, place: String?, isGet: Bool, _ received: inout HTTPClient.Response?
  ) throws -> CheckReport {
    let issuerPath = try arguments.required("--issuer")
    let issuer = try Certificate(file: try Files.read(issuerPath, what: "the issuer's certificate"), name: issuerPath)
    let (question, subject) = try question(arguments, issuer: issuer)
    let nonce = arguments.has("--nonce") ? try SecureRandom.octets(32) : nil
    let der = OCSPRequest.encoded(certIDs: [question], nonce: nonce)
    var request = isGet ? getRequest(url, der) : postRequest(url, der)
    request.connectTo = place
    // A proxy would connect where it likes.
    if place != nil { request.usesProxies = false }
    let http: HTTPClient.Response
    do {
      http = try HTTPClient.send(request)
    } catch {
      throw CommandFailure.no("no answer from \(error)")
    }
    received = http
    let response = try parse(http, url: url)
    let now = SystemClock().now()
    return CheckReport(
      url: url, place: place, method: isGet ? "GET" : "POST", question: question, issuer: issuer, subject: subject,
      http: http,
      status: response.status, basic: response.basic,
      verdict: response.basic.map {
        AnswerVerdict($0, question: question, nonce: nonce.map { OCSPRequest.wrapped($0) }, issuer: issuer, now: now)
      },
      now: now)
  }

  /// `HOST:PORT` to connect to; nil for the URL's own host.
  private static func connectionPlace(_ arguments: Arguments) throws(CommandFailure) -> String? {
    guard let text = arguments["--at"] else { return nil }
    guard let endpoint = Endpoint(text), endpoint.scheme == "http", endpoint.path.isEmpty,
      !endpoint.authority.hasPrefix(":"), !endpoint.authority.contains("@"),
      let port = endpoint.place.split(separator: ":", omittingEmptySubsequences: false).last.flatMap({ Int($0) }),
      (1...65_535).contains(port)
    else { throw arguments.wrong("--at: '\(text)' is not possible; expected http://host:port, and nothing behind it") }
    return endpoint.place
  }

  private static func question(_ arguments: Arguments, issuer: Certificate) throws -> (CertID, String?) {
    let hashName = arguments["--hash"] ?? "sha1"
    guard let hash = HashAlgorithm(name: hashName) else {
      throw arguments.wrong("--hash: '\(hashName)' is not one of sha1, sha256, sha384, sha512")
    }
    let serial: SerialNumber
    var subject: String?
    switch (arguments["--cert"], arguments["--serial"]) {
    case (let path?, nil):
      // The file of a web server begins with its own certificate.
      let certificate = try Certificate(
        file: try Files.read(path, what: "a certificate"), name: path, allowsChain: true)
      guard let read = SerialNumber(content: certificate.serialOctets) else {
        throw CommandFailure.no("\(path): the serial number has no or over \(SerialNumber.maximumOctets) octets")
      }
      if certificate.issuerName != issuer.subjectName {
        Terminal.printError(
          "warning: \(path) names another issuer than \(issuer.subjectText); the answer will be about another certificate"
        )
      }
      (serial, subject) = (read, certificate.subjectText)
    case (nil, .some): serial = try arguments.serial()
    default: throw arguments.wrong("give either --cert or --serial")
    }
    let identifier = IssuerIdentity(issuer).identifier(hash)
    return (
      CertID(
        hashAlgorithm: hash, issuerNameHash: identifier.nameHash, issuerKeyHash: identifier.keyHash, serial: serial),
      subject
    )
  }

  private static func getRequest(_ url: String, _ der: [UInt8]) -> HTTPClient.Request {
    let separator = url.hasSuffix("/") ? "" : "/"
    return HTTPClient.Request(url: url + separator + String(decoding: Base64.encodeForTarget(der), as: UTF8.self))
  }

  private static func postRequest(_ url: String, _ der: [UInt8]) -> HTTPClient.Request {
    HTTPClient.Request(url: url, method: .post(body: der, contentType: "application/ocsp-request"))
  }

  private static func parse(_ http: HTTPClient.Response, url: String) throws(CommandFailure) -> ReceivedResponse {
    do {
      return try ReceivedResponse(http.body)
    } catch {
      let type = http.header("Content-Type") ?? "no Content-Type"
      throw .no("\(url): HTTP \(http.status), \(type), \(http.body.count) octets: not an OCSP response (\(error))")
    }
  }
}
