import EventLoop
import Glibc

Signals.takeOver()
let words = Array(CommandLine.arguments.dropFirst())
exit(Program.run(words).rawValue)
