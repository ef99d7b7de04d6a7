/// What commands of the same shape share: hiredis writes the first one with a word of each length, and those that follow put
/// their own words there. An origin that fills Redis writes a million that differ in nothing but key and value.
struct CommandForms {
  fileprivate struct Form {
    /// As RESP, with a filling in the place of each word.
    var octets: [UInt8]
    var counts: [Int]
    /// Where each word begins.
    var places: [Int]
  }

  /// Serials and signatures differ by a few octets; more shapes than that are written one by one.
  private static let maximumForms = 16
  /// Stands nowhere in what RESP puts around words.
  private static let filling: UInt8 = 0xFF

  private var forms: [Form] = []
  private var last = 0

  /// Adds a command to the octets.
  mutating func append(_ words: borrowing Span<[UInt8]>, to octets: inout [UInt8]) {
    guard let form = place(of: words) ?? add(words) else {
      octets += CommandEncoding.octets(of: words.indices.map { words[$0] })
      return
    }
    last = form
    let start = octets.count
    octets += forms[form].octets
    unsafe octets.withUnsafeMutableBytes { octets in
      for index in words.indices where !words[index].isEmpty {
        let place = start + forms[form].places[index]
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: octets[place..<(place + words[index].count)])
        unsafe words[index].withUnsafeBytes { word in unsafe target.copyMemory(from: word) }
      }
    }
  }

  private func place(of words: borrowing Span<[UInt8]>) -> Int? {
    if forms.indices.contains(last), forms[last].fits(words) { return last }
    for place in forms.indices where forms[place].fits(words) { return place }
    return nil
  }

  /// Nil where there are enough.
  private mutating func add(_ words: borrowing Span<[UInt8]>) -> Int? {
    guard forms.count < CommandForms.maximumForms else { return nil }
    let counts = words.indices.map { words[$0].count }
    let octets = CommandEncoding.octets(of: counts.map { [UInt8](repeating: CommandForms.filling, count: $0) })
    var places: [Int] = []
    var place = 0
    for count in counts {
      // An empty word is nowhere to be found, and nothing has to be put there.
      while count > 0, octets[place] != CommandForms.filling { place += 1 }
      places.append(place)
      place += count
    }
    forms.append(Form(octets: octets, counts: counts, places: places))
    return forms.count - 1
  }
}

extension CommandForms.Form {
  fileprivate func fits(_ words: borrowing Span<[UInt8]>) -> Bool {
    guard counts.count == words.count else { return false }
    for place in words.indices where counts[place] != words[place].count { return false }
    return true
  }
}
