import CP11Kit

/// A list of CK_ATTRIBUTE with the memory of its values (PKCS#11 2.40 4.1).
@safe
struct AttributeTemplate: ~Copyable {
  /// Good for as long as the template lives.
  private(set) var attributes: [CK_ATTRIBUTE] = unsafe []

  mutating func add(_ type: CK_ATTRIBUTE_TYPE, _ octets: [UInt8]) {
    let value = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, octets.count), alignment: 8)
    unsafe value.copyBytes(from: octets)
    unsafe attributes.append(
      CK_ATTRIBUTE(type: type, pValue: value.baseAddress, ulValueLen: CK_ULONG(octets.count)))
  }

  mutating func add(_ type: CK_ATTRIBUTE_TYPE, _ number: CK_ULONG) {
    add(type, unsafe withUnsafeBytes(of: number) { unsafe Array($0) })
  }

  /// A CK_BBOOL.
  mutating func add(_ type: CK_ATTRIBUTE_TYPE, _ flag: Bool) {
    add(type, [flag ? 1 : 0])
  }

  deinit {
    for place in 0..<count { unsafe attributes[place].pValue.deallocate() }
  }

  private var count: Int { unsafe attributes.count }
}
