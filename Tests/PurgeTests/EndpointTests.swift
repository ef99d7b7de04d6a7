import Testing

@testable import Purge

struct EndpointTests {
  @Test(
    "host and port of an endpoint, whatever is left out",
    arguments: [
      ("http://127.0.0.1:6081", "127.0.0.1:6081"), ("http://cache", "cache:80"), ("https://cache/", "cache:443"),
      ("http://[::1]", "[::1]:80"), ("http://[::1]:8080/x", "[::1]:8080"),
    ])
  func place(_ text: String, _ place: String) {
    #expect(Endpoint(text)?.place == place)
  }

  @Test(arguments: ["", "ftp://cache", "cache:80", "http://", "http:// cache"])
  func noEndpoint(_ text: String) {
    #expect(Endpoint(text) == nil)
  }

  @Test(
    "a responder's URL, with and without path and slashes",
    arguments: [
      ("http://ocsp.example.com", "ocsp.example.com", ""), ("http://ocsp.example.com/", "ocsp.example.com", ""),
      ("http://ocsp.example.com:8080/a/b/", "ocsp.example.com:8080", "/a/b"),
    ])
  func responderURL(_ text: String, _ host: String, _ path: String) {
    #expect(ResponderURL(text)?.host == host)
    #expect(ResponderURL(text)?.path == path)
  }

  @Test(arguments: ["https://ocsp.example.com", "http:///a", "http://h/a?b", "http://h/a#b", "http://h/ä"])
  func noResponderURL(_ text: String) {
    #expect(ResponderURL(text) == nil)
  }
}
