/// Words of a command that a person is to type.
enum ShellWord {
  /// The word as a POSIX shell reads it back, in quotes where it needs them.
  static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { ($0.isASCII && ($0.isLetter || $0.isNumber)) || "/._-+:@%,".contains($0) }
    return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
  }
}
