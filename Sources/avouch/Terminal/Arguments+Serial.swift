import OCSP

extension Arguments {
  /// The serial number that --serial gives, blanks around it left out: people copy it from elsewhere.
  ///
  /// A negative number is a serial too, since CAs have issued such; what its octets are is said, because they look like
  /// another number.
  func serial() throws(CommandFailure) -> SerialNumber {
    let text = try required("--serial")
    let bare = text.drop { $0.isWhitespace }
    let last = bare.lastIndex { !$0.isWhitespace }
    let number = String(last.map { bare[...$0] } ?? "")
    guard let serial = SerialNumber(hexadecimal: number) else {
      throw wrong(
        "--serial: '\(text)' is not a serial number; expected hexadecimal of at most \(SerialNumber.maximumOctets) octets, "
          + "as `openssl x509 -serial` prints it")
    }
    if number.hasPrefix("-") {
      Terminal.printError("note: the serial \(number) is negative; as a DER INTEGER its octets are \(serial)")
    }
    return serial
  }
}
