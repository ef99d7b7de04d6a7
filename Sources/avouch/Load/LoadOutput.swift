import LoadReport

/// What a load leaves behind: the report on standard output, files, and the exit code.
enum LoadOutput {
  /// What would be known only behind the load: that a file can never be written.
  static func check(_ arguments: Arguments) throws(CommandFailure) {
    for name in ["--json", "--html"] {
      guard let path = arguments[name] else { continue }
      let folder = Files.folder(of: path)
      guard Files.isFolder(folder) else { throw .no("\(name): there is no folder \(folder)") }
      guard !Files.isFolder(path) else { throw .no("\(name): \(path) is a folder; a file is expected") }
    }
  }

  static func write(_ result: LoadResult, _ arguments: Arguments) throws(CommandFailure) -> ExitCode {
    Terminal.print(result.text)
    if let path = arguments["--json"] { try Files.write(Array(result.json.utf8), to: path) }
    if let path = arguments["--html"] { try Files.write(Array(result.html.utf8), to: path) }
    let failures = LoadProbe.failures(result.probes)
    for failure in failures { Terminal.printError("FAILURE: \(failure)") }
    return failures.isEmpty ? exitCode(result) : .no
  }

  /// No where answers were wrong or none was right. What a server says or leaves undone for lack of time is a figure, and
  /// not wrong.
  private static func exitCode(_ result: LoadResult) -> ExitCode {
    for run in result.runs {
      guard run.fine > 0 else { return .no }
      for (kind, count) in run.counts where count > 0 && kind.isFailure && !kind.isOverload { return .no }
    }
    return result.runs.isEmpty ? .no : .fine
  }
}
