// swift-tools-version: 6.2
import PackageDescription

// One array of settings for every Swift target: the strictest the toolchain offers.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableExperimentalFeature("Lifetimes"),
  // A target's functions may be compiled into those that use them: generic ones (the signing schedule, pending questions) for
  // the types that they are used with. Without it each push and pop looks its types up: a tenth of an answer that is signed for
  // who asked. What it may cost, checks of exclusivity in a hit, is what `make test-hot-path` looks for.
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// A Swift target of a ring. What it may import is exactly what it names here: the build is run with
/// `--explicit-target-dependency-import-check error` (see Makefile).
func room(_ name: String, imports: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: imports, swiftSettings: strict)
}

func roomTests(_ name: String, imports: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.target(name: name)] + imports, resources: resources,
    swiftSettings: strict)
}

let package = Package(
  name: "avouch",
  products: [.executable(name: "avouch", targets: ["avouch"])],
  targets: [
    // Ring 0: C libraries behind module maps.
    .target(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CP11Kit", pkgConfig: "p11-kit-1", providers: [.apt(["libp11-kit-dev"])]),
    // Without pkgConfig: hiredis.pc has a flag that SwiftPM refuses, and the header is where compilers look anyway.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    // One instruction of the processor, for the pure ring too.
    .systemLibrary(name: "CPrefetch"),

    // Ring 1: pure. No I/O, no clock, no globals.
    room("CalendarTime"),
    room("DER", imports: ["CalendarTime"]),
    room("OCSP", imports: ["CalendarTime", "DER"]),
    room("HTTP1", imports: ["CalendarTime"]),
    room("Metrics"),
    room("Responder", imports: ["CPrefetch", "CalendarTime", "OCSP"]),
    room("Records", imports: ["CalendarTime", "DER", "OCSP", "Responder"]),
    room("Configuration"),
    room("LoadReport", imports: ["CalendarTime"]),

    // Ring 2: I/O.
    room("EventLoop", imports: ["CLinux"]),
    room("TLS", imports: ["COpenSSL"]),
    room("HTTPServer", imports: ["CalendarTime", "EventLoop", "HTTP1", "TLS"]),
    room("SQLiteStore", imports: ["CSQLite", "CalendarTime", "DER", "OCSP", "Responder"]),
    room("HTTPClient", imports: ["CCurl"]),
    room("OpenSSLCrypto", imports: ["COpenSSL", "CalendarTime", "DER", "OCSP", "Responder"]),
    room("RedisClient", imports: ["CHiredis", "COpenSSL", "EventLoop", "TLS"]),
    room("RedisCache", imports: ["CalendarTime", "RedisClient", "Responder"]),
    room(
      "Feeds",
      imports: [
        "CalendarTime", "EventLoop", "HTTP1", "HTTPClient", "HTTPServer", "Metrics", "OCSP", "OpenSSLCrypto", "Records",
        "RedisClient", "Responder",
      ]),
    room(
      "Purge",
      imports: [
        "CalendarTime", "DER", "EventLoop", "HTTP1", "HTTPClient", "Metrics", "OCSP", "OpenSSLCrypto", "Responder",
      ]),
    room("PKCS11Signer", imports: ["CP11Kit", "DER", "EventLoop", "OCSP", "Responder"]),
    room(
      "ResponderRuntime",
      imports: ["CalendarTime", "EventLoop", "Metrics", "OCSP", "Responder"]),
    room("Fleet", imports: ["CalendarTime", "Metrics", "OCSP", "Responder"]),
    room(
      "LoadGenerator",
      imports: ["CalendarTime", "DER", "EventLoop", "HTTP1", "LoadReport", "OCSP", "OpenSSLCrypto"]),
    room(
      "OCSPOverHTTP",
      imports: ["CalendarTime", "DER", "HTTP1", "HTTPServer", "Metrics", "OCSP", "Responder"]),

    // Ring 3: the program composes; nothing else knows everybody.
    .executableTarget(
      name: "avouch",
      dependencies: [
        "CalendarTime", "Configuration", "DER", "EventLoop", "Feeds", "Fleet", "HTTP1", "HTTPClient", "HTTPServer",
        "LoadGenerator", "LoadReport", "Metrics",
        "OCSP", "OCSPOverHTTP", "OpenSSLCrypto", "PKCS11Signer", "Purge", "Records", "RedisCache", "RedisClient",
        "Responder",
        "ResponderRuntime", "SQLiteStore", "TLS",
      ],
      swiftSettings: strict),

    // Tests mirror Sources.
    .target(
      name: "TestSupport", dependencies: ["CalendarTime", "EventLoop", "OCSP", "Responder"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(
      name: "Simulation", dependencies: ["CalendarTime", "OCSP", "Responder", "ResponderRuntime", "TestSupport"],
      path: "Tests/Simulation", swiftSettings: strict),
    roomTests("Simulation", imports: ["SQLiteStore"]),
    .executableTarget(
      name: "simulate-year", dependencies: ["CalendarTime", "SQLiteStore", "Simulation"], path: "Tests/SimulateYear",
      swiftSettings: strict),
    roomTests("CalendarTime"),
    roomTests("DER", imports: ["CalendarTime"]),
    roomTests("OCSP", imports: ["CalendarTime", "DER"], resources: [.copy("Vectors")]),
    roomTests("Responder", imports: ["CalendarTime", "OCSP", "TestSupport"]),
    roomTests("SQLiteStore", imports: ["CalendarTime", "OCSP", "Responder", "TestSupport"]),
    roomTests(
      "ResponderRuntime",
      imports: ["CalendarTime", "EventLoop", "Metrics", "OCSP", "Responder", "SQLiteStore", "TestSupport"]),
    roomTests(
      "Fleet",
      imports: ["CalendarTime", "Metrics", "OCSP", "Responder", "ResponderRuntime", "Simulation", "TestSupport"]),
    roomTests(
      "Feeds",
      imports: [
        "CalendarTime", "DER", "EventLoop", "HTTPClient", "OCSP", "OpenSSLCrypto", "Records", "RedisClient",
        "RedisTestSupport", "Responder", "SQLiteStore", "TestSupport",
      ]),
    roomTests(
      "Purge",
      imports: [
        "CalendarTime", "DER", "EventLoop", "HTTPClient", "OCSP", "OpenSSLCrypto", "Responder", "TestSupport",
      ]),
    roomTests("OpenSSLCrypto", imports: ["CalendarTime", "OCSP", "Responder"]),
    roomTests("EventLoop"),
    roomTests(
      "PKCS11Signer", imports: ["CP11Kit", "EventLoop", "OCSP", "OpenSSLCrypto", "Responder"]),
    .target(
      name: "RedisTestSupport", dependencies: ["RedisClient"], path: "Tests/RedisTestSupport", swiftSettings: strict),
    roomTests(
      "RedisClient",
      imports: ["EventLoop", "RedisTestSupport", "TLSTestSupport", "TestSupport"]),
    roomTests(
      "RedisCache",
      imports: [
        "CalendarTime", "EventLoop", "Fleet", "Metrics", "OCSP", "RedisClient", "RedisTestSupport", "Responder",
        "ResponderRuntime", "TestSupport",
      ]),
    roomTests("HTTP1", imports: ["CalendarTime", "TestSupport"]),
    .target(
      name: "TLSTestSupport", dependencies: ["CalendarTime", "OpenSSLCrypto", "Responder"],
      path: "Tests/TLSTestSupport", swiftSettings: strict),
    roomTests("TLS", imports: ["TLSTestSupport"]),
    roomTests("HTTPServer", imports: ["EventLoop", "HTTP1", "TLS", "TLSTestSupport"]),
    roomTests("HTTPClient", imports: ["EventLoop"]),
    roomTests("Metrics"),
    roomTests("Configuration"),
    roomTests("LoadReport", imports: ["CalendarTime", "TestSupport"]),
    roomTests(
      "LoadGenerator",
      imports: ["CalendarTime", "EventLoop", "HTTP1", "LoadReport", "OCSP", "OpenSSLCrypto"],
      resources: [.copy("Vectors")]),
    roomTests("Records", imports: ["CalendarTime", "DER", "OCSP", "Responder", "TestSupport"]),
  ]
)
