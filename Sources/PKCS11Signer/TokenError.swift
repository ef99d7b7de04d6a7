import Responder

/// What went wrong between us and a token, and what helps against it. Never names a PIN.
public struct TokenError: Error, Sendable, Hashable, CustomStringConvertible {
  public var reaction: ReturnCode.Reaction
  /// What the module answered; nil where something else was found wrong.
  public var code: ReturnCode?
  /// Whether the login is what failed: an opening tries it once, whatever might help.
  var isAboutLogin = false
  /// Whether all sessions that the token has are taken.
  var isCrowded = false
  /// Whether the token is missed, or the slots are: the library may be what is broken.
  var isAboutModule = false
  /// Whether it is to be reported at once, whatever might help.
  var isFinal = false
  public var description: String

  init(_ description: String, _ reaction: ReturnCode.Reaction) {
    self.reaction = reaction
    self.description = description
  }

  /// A call that failed.
  ///
  /// - Parameter reaction: nil takes the code's own.
  init(call: StaticString, _ code: ReturnCode, _ reaction: ReturnCode.Reaction? = nil) {
    self.reaction = reaction ?? code.reaction
    self.code = code
    description = "\(call): \(code)"
  }

  /// The same with a place in front.
  func at(_ place: String) -> TokenError {
    var error = self
    error.description = "\(place): \(description)"
    return error
  }

  /// How far it reaches for the one who schedules signatures, when what helps did not help.
  var scope: SigningError.Scope {
    if isCrowded { return .thread }
    return switch reaction {
    case .newSession: .signature
    case .logIn, .reopenSlot, .initialize: .token
    case .giveUp: .configuration
    }
  }

  /// A signature was made that does not verify.
  var isFalseSignature = false

  var signingError: SigningError {
    SigningError(description, scope: scope, isFalseSignature: isFalseSignature)
  }
}
