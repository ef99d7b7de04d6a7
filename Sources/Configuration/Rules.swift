/// Which combinations of values are possible, and what the public programmes forbid (standards 36, 42 and 43).
enum Rules {
  private static let hour = 3600
  private static let day = 86_400

  /// When answers are renewed where nobody says: a twentieth, and at most an hour, before the latest age that the rules
  /// allow, so that a queue of renewals, a slow signer or a restart does not break a rule by seconds.
  static func standardRefreshAge(validity: Int) -> Int {
    let latest = latestRefreshAge(validity: validity)
    return max(1, latest - min(hour, latest / 20))
  }

  /// Half the validity, at most four days, and eight hours before the end of answers that live long enough for it.
  ///
  /// The rules count from nextUpdate, which is one second short of the validity (standards 36).
  private static func latestRefreshAge(validity: Int) -> Int {
    guard validity >= 16 * hour else { return max(1, (validity - 1) / 2 - 1) }
    return min(validity / 2, 4 * day, validity - 1 - 8 * hour)
  }

  static func problems(_ configuration: Configuration) -> [String] {
    var problems: [String] = []
    if configuration.listen.isEmpty { problems.append("listen: the list is empty; at least one address is expected") }
    problems += nameProblems(configuration.issuers.map(\.name), .issuers)
    for (place, issuer) in configuration.issuers.enumerated() {
      let path = "issuers[\(place)]"
      problems += keyProblems(issuer, path)
      problems += timeProblems(issuer, path)
      if issuer.signerCertificate != nil, issuer.embedsCertificate == false {
        problems.append(
          "\(path).signer.embedCertificate: \"never\" is for a CA that signs its own answers; a delegated responder's "
            + "certificate must be in them (RFC 9919 3.2.2)")
      }
      if issuer.isPublicProgramme { problems += programmeProblems(issuer, path) }
    }
    return problems
  }

  /// What is wrong with the names of a list's objects, in their order.
  static func nameProblems(_ names: [String], _ list: ObjectList) -> [String] {
    var problems: [String] = []
    var places: [String: Int] = [:]
    for (place, name) in names.enumerated() {
      let path = "\(list.name)[\(place)].name"
      if let other = places[name] {
        problems.append("\(path): '\(name)' is the name of \(list.name)[\(other)] already")
      }
      places[name] = place
      if !isName(name) {
        problems.append("\(path): '\(name)' is not possible; expected 1 to 64 letters, digits, '.', '_' or '-'")
      }
    }
    return problems
  }

  private static func isName(_ text: String) -> Bool {
    text.utf8.count <= 64
      && text.utf8.allSatisfy { octet in
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }

  private static func keyProblems(_ issuer: Configuration.Issuer, _ path: String) -> [String] {
    var problems: [String] = []
    var places: [String: Int] = [:]
    for (place, key) in issuer.keys.enumerated() {
      if let other = places[key] {
        problems.append("\(path).signer.key: [\(place)] is the same as [\(other)]; each key once is expected")
      }
      places[key] = place
    }
    if issuer.keyPasswordFile != nil, issuer.keys.allSatisfy(KeyText.isInToken) {
      problems.append(
        "\(path).signer.keyPasswordFile: it opens key files, and there is none here; the place of a token's PIN is "
          + "pin-source= in the URI")
    }
    return problems
  }

  private static func timeProblems(_ issuer: Configuration.Issuer, _ path: String) -> [String] {
    guard let validity = issuer.validitySeconds else { return [] }
    var problems: [String] = []
    if issuer.refreshAgeSeconds >= validity {
      problems.append(
        "\(path).refreshAge: \(Duration.text(issuer.refreshAgeSeconds)) is not before the end of the validity, "
          + "\(Duration.text(validity)): answers would expire before they are renewed")
    }
    if issuer.maximumAgeSeconds > validity {
      problems.append(
        "\(path).maxAge: \(Duration.text(issuer.maximumAgeSeconds)) is more than the validity, \(Duration.text(validity))"
      )
    }
    return problems
  }

  private static func programmeProblems(_ issuer: Configuration.Issuer, _ path: String) -> [String] {
    let lift = "; where the issuer follows no public programme, say 'publicProgramme: false'"
    var problems: [String] = []
    if issuer.unissued == "good" || issuer.unissued == "revoked" {
      problems.append(
        "\(path).unissued: \"\(issuer.unissued)\" is forbidden for serials that were never issued "
          + "(CA/Browser Forum TLS BR 4.9.9, 4.9.13 and 7.3)\(lift)")
    }
    guard let validity = issuer.validitySeconds else {
      return problems + ["\(path).validity: \"forever\" is forbidden (TLS BR 4.9.9: at most 10 days)\(lift)"]
    }
    let shown = Duration.text(validity)
    if validity < 8 * hour {
      problems.append("\(path).validity: \(shown) is too short; at least 8h (TLS BR 4.9.9)\(lift)")
    }
    if validity > 7 * day {
      problems.append(
        "\(path).validity: \(shown) is too long; at most 7d (Microsoft Trusted Root Program 3.2.2; TLS BR 4.9.9 has 10d)\(lift)"
      )
    }
    let age = issuer.refreshAgeSeconds
    let ageShown = Duration.text(age)
    if validity >= 16 * hour {
      if age > 4 * day {
        problems.append("\(path).refreshAge: \(ageShown) is too late; at most 4d (TLS BR 4.9.9, Mozilla 6)\(lift)")
      }
      if age > validity - 1 - 8 * hour {
        problems.append(
          "\(path).refreshAge: \(ageShown) is too late; a new answer must be there 8h before nextUpdate (TLS BR 4.9.9)\(lift)"
        )
      }
      if 2 * age > validity {
        problems.append(
          "\(path).refreshAge: \(ageShown) is too late; at most half the validity of \(shown) (Microsoft 3.2.2)\(lift)")
      }
    } else if 2 * (validity - 1 - age) <= validity {
      problems.append(
        "\(path).refreshAge: \(ageShown) is too late; more than half the validity of \(shown) must be left (TLS BR 4.9.9)\(lift)"
      )
    }
    return problems
  }
}
