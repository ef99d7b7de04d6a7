import Responder

/// Hears the stream of wants as keys. What was missed is asked for again by whoever wants it.
final class WantListener: UpdateReceiver {
  private let receiver: any WantReceiver

  init(_ receiver: any WantReceiver) {
    self.receiver = receiver
  }

  func begins(after newest: [UInt8]?) {}
  func isHeard(_ isHeard: Bool, why: String?) {}
  func receive(_ entries: [[UInt8]]) { receiver.isWanted(entries.compactMap { SharedKey(encoded: $0) }) }
}
