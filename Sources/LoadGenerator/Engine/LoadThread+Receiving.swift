import EventLoop
import Glibc
import LoadReport

extension LoadThread {
  /// Reads once, and takes up what has come.
  mutating func receive(_ slot: Int) {
    let kept = leftovers[slot].count
    if kept > 0 {
      for index in 0..<kept { unsafe input[index] = leftovers[slot][index] }
      leftovers[slot].removeAll(keepingCapacity: true)
    }
    let room = unsafe UnsafeMutableRawBufferPointer(start: input + kept, count: LoadThread.inputBytes - kept)
    switch unsafe Linux.receive(slots[slot].descriptor, room) {
    case .bytes(let count):
      if tally.measured.contains(now) { tally.bytesReceived += UInt64(count) }
      takeAnswers(slot, total: kept + count, isAtEnd: false)
    case .end: takeAnswers(slot, total: kept, isAtEnd: true)
    case .failed(let code): lose(slot, code: code)
    case .wouldBlock: keep(slot, 0..<kept)
    }
  }

  private mutating func keep(_ slot: Int, _ range: Range<Int>) {
    for index in range { leftovers[slot].append(unsafe input[index]) }
  }

  /// What has come, from the beginning of an answer.
  ///
  /// - Parameter isAtEnd: the server has closed; nothing more comes.
  private mutating func takeAnswers(_ slot: Int, total: Int, isAtEnd: Bool) {
    var start = 0
    while start < total, slots[slot].phase == .open, slots[slot].count > slots[slot].unsent {
      let octets = unsafe Span(_unsafeStart: input + start, count: total - start)
      switch AnswerFrame.next(octets, isAtEnd: isAtEnd, decoded: &decoded) {
      case .incomplete:
        if !isAtEnd {
          keep(slot, start..<total)
          return
        }
        loseInAnswer(slot, start..<total)
        return
      case .wrong(let problem):
        let kind: AnswerKind = problem == .notHTTP ? .notHTTP : .contentLength
        finish(slot, kind, answer: start..<total)
        abandon(slot, .closedEarly, "the connection was given up: the answer before was none that could be read")
        return
      case .whole(let head, let body, let isDecoded, let count):
        takeAnswer(
          slot, head, body: start + body.lowerBound..<start + body.upperBound, isDecoded, start..<start + count)
        start += count
        if isAtEnd || !head.keepsConnection || closesAfterAnswer {
          endAfterAnswer(slot, isAtEnd: isAtEnd)
          return
        }
      }
    }
    if isAtEnd {
      didEnd(slot)
      return
    }
    // Octets that nobody has asked for, or the last of an answer that is not read any more.
    if start < total, slots[slot].phase == .open {
      abandon(slot, .closedEarly, "the server sent more than was asked for")
      return
    }
    if slots[slot].phase == .open { offer(slot) }
  }

  /// - Parameters:
  ///   - body: in the input; of one that came in chunks, its length from 0 on lies in `decoded`.
  ///   - whole: where the whole answer lies in the input.
  private mutating func takeAnswer(
    _ slot: Int, _ head: ResponseHead, body: Range<Int>, _ isDecoded: Bool, _ whole: Range<Int>
  ) {
    let kind = judged(inFlight[place(slot, 0)].question, head, body: body, isDecoded)
    slots[slot].answers += 1
    slots[slot].failures = 0
    keepSample(slot, kind, body: body, isDecoded)
    finish(slot, kind, answer: whole)
  }

  private func judged(
    _ question: Question, _ head: ResponseHead, body: Range<Int>, _ isDecoded: Bool
  ) -> AnswerKind {
    let parts = writer.templates.octets
    let certIDHead = parts.span.extracting(writer.templates.certIDHead(question.hash))
    if isDecoded {
      return AnswerJudge.kind(
        question, writer.questioner, head: certIDHead, answer: head, body: decoded.span, now: wallClock)
    }
    let octets = unsafe Span(_unsafeStart: input + body.lowerBound, count: body.count)
    return AnswerJudge.kind(
      question, writer.questioner, head: certIDHead, answer: head, body: octets, now: wallClock)
  }

  /// Keeps a share of the answers for the full check.
  private mutating func keepSample(_ slot: Int, _ kind: AnswerKind, body: Range<Int>, _ isDecoded: Bool) {
    guard kind == .good || kind == .revoked || kind == .unknown else { return }
    let entry = inFlight[place(slot, 0)]
    var numbers = SplitMix(seed: writer.questioner.seed ^ 0x5A3B_1E00_0000_0000, number: entry.question.number)
    // At least one of each run.
    guard settings.signatures.takes(numbers.next()) || (tally.samples.samples.isEmpty && settings.signatures != .none),
      entry.isMeasured, let place = tally.samples.place(&numbers)
    else { return }
    let octets = isDecoded ? decoded : body.map { unsafe input[$0] }
    tally.samples.put(
      SampleStore.Sample(
        question: entry.question, kind: kind, body: octets, isMeasured: entry.isMeasured,
        afterMilliseconds: Double(now) / 1e6), at: place)
  }

  /// Takes the oldest request off a slot, with what became of it.
  ///
  /// - Parameter answer: what came of the answer, in the input.
  mutating func finish(_ slot: Int, _ kind: AnswerKind, answer: Range<Int>, explanation: String? = nil) {
    let entry = inFlight[place(slot, 0)]
    slots[slot].first = slots[slot].first + 1 < depth ? slots[slot].first + 1 : 0
    slots[slot].count -= 1
    slots[slot].unsent = min(slots[slot].unsent, slots[slot].count)
    underWay -= 1
    guard entry.isMeasured else { return }
    tally.record(kind, latency: now - entry.planned, service: now - entry.sent)
    if kind.isFailure, tally.needsExample(kind) {
      let octets = answer.prefix(Example.maximumAnswerBytes).map { unsafe input[$0] }
      tally.keep(
        ExampleText.example(
          kind, entry.question, writer, after: now, answer: octets, explanation: explanation, now: wallClock))
    }
  }
}
