import EventLoop
import Synchronization

extension Worker {
  /// Begins, or begins again, to wait for connections. Where epoll has no memory, the next sweep tries again.
  func listen() {
    listening.start { place in
      let listener = listeners[place]
      let interest: Epoll.Interest = listener.address.port == nil ? [.read, .exclusive] : .read
      let data = ConnectionID(descriptor: Int32(place), generation: 0).data
      return (try? epoll.add(listener.descriptor, interest, data: data)) != nil
    }
  }

  func stopListening() {
    listening.stop { epoll.remove(listeners[$0].descriptor) }
  }

  func closeListeners() {
    stopListening()
    listeners = []
  }

  /// Takes connections within two bounds, so that a flood of them does not starve those that are open.
  ///
  /// - Parameters:
  ///   - limit: connections that are taken.
  ///   - answers: requests that are answered at once on the way, which cost many times as much.
  func acceptAll(from place: Int32, limit: Int = 64, answers: UInt64 = 16) {
    guard Int(place) < listeners.count else { return }
    let listener = listeners[Int(place)].descriptor
    let answered = counters.requests.current
    for _ in 0..<limit {
      switch Linux.accept(listener) {
      case .none: return
      case .connection(let descriptor):
        admit(descriptor)
        if counters.requests.current - answered >= answers { return }
      case .outOfDescriptors:
        counters.outOfDescriptors.add()
        // Rests until the next sweep: epoll would report the same connection again and again.
        stopListening()
        return
      }
    }
  }

  private func admit(_ descriptor: Int32) {
    let isRoom = shared.openConnections.wrappingAdd(1, ordering: .relaxed).newValue <= limits.connections
    guard isRoom, Int(descriptor) < tableCount else {
      shared.openConnections.wrappingSubtract(1, ordering: .relaxed)
      refuse(descriptor)
      return
    }
    let connection = unsafe connections + Int(descriptor)
    let generation = unsafe max(1, connection.pointee.generation &+ 1)
    // A closed one has nothing that would have to be released.
    unsafe connection.initialize(to: Connection())
    unsafe connection.pointee.generation = generation
    openCount += 1
    highestDescriptor = max(highestDescriptor, descriptor)
    counters.accepted.add()
    let id = ConnectionID(descriptor: descriptor, generation: generation)
    if let tls {
      begin(descriptor, .handshake, limits.headMilliseconds)
      guard (try? tls.begin(descriptor)) != nil else {
        close(descriptor)
        return
      }
    } else {
      begin(descriptor, .idle, limits.idleMilliseconds)
      // Most requests have come by now, and many connections end with the first: those never need to be watched.
      receive(descriptor)
      guard isCurrent(id) else { return }
    }
    watch(id)
  }

  private func watch(_ id: ConnectionID) {
    let connection = unsafe connections + Int(id.descriptor)
    unsafe connection.pointee.isWatched = true
    if (try? epoll.add(id.descriptor, unsafe connection.pointee.interest, data: id.data)) == nil {
      close(id.descriptor)
    }
  }
}
