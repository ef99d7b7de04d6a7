/// A list of objects in the configuration, whose keys the settings table has under `name[].`.
struct ObjectList: Sendable {
  /// The key of the list.
  var name: String
  /// What one of its objects is, for messages: its plural has an s.
  var noun: String
  /// Whether at least one has to be there.
  var isRequired: Bool
  var maximumCount: Int

  /// Issuers have numbers of sixteen bits.
  static let issuers = ObjectList(name: "issuers", noun: "issuer", isRequired: true, maximumCount: 65_535)
  static let purge = ObjectList(name: "purge", noun: "cache", isRequired: false, maximumCount: 64)
  static let all = [issuers, purge]

  /// What stands before the keys of its objects in the settings table.
  var prefix: String { name + "[]." }

  /// The settings of one of its objects.
  var settings: [Setting] { SettingsTable.settings.filter { $0.path.hasPrefix(prefix) } }

  /// The settings that are in no list.
  static var othersSettings: [Setting] {
    SettingsTable.settings.filter { setting in !all.contains { setting.path.hasPrefix($0.prefix) } }
  }
}
