import EventLoop
import Glibc

let words = Array(CommandLine.arguments.dropFirst())
// What serves waits for signals and ends in order, and a load tells what it has measured; every other command ends by them,
// and an import is undone.
if ["serve", "demo", "load"].contains(words.first) { Signals.takeOver() } else { Signals.ignoreBrokenPipes() }
let code = Program.run(words).rawValue
if TokenWork.hasLostThreads { _exit(code) }
exit(code)
