import LoadReport

/// What a load leaves behind: the report on standard output, files, and the exit code.
enum LoadOutput {
  static func write(_ result: LoadResult, _ arguments: Arguments, isQuiet: Bool) throws(CommandFailure) -> ExitCode {
    for run in result.runs {
      Terminal.print(
        "\(run.pace): \(Figures.amount(run.requestsPerSecond))/s, p50 \(Figures.duration(nanoseconds: run.latency.quantile(0.5))), "
          + "p99 \(Figures.duration(nanoseconds: run.latency.quantile(0.99))), client \(Figures.percent(run.clientProcessorShare)), \(run.limit) \(run.counts) planned \(run.planned)"
      )
    }
    if let path = arguments["--json"] { try Files.write(Array(result.json.utf8), to: path) }
    return exitCode(result)
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
