public import CalendarTime

/// The `max-age` of an answer that goes out now (RFC 9919 7.2, standards 21).
public enum MaximumAge {
  /// Seconds: the smallest of the cap and the time to the planned refresh, and always so that now + n lies strictly
  /// before nextUpdate. 0 where the answer is overdue or about to end.
  public static func seconds(times: AnswerTimes, now: UnixTime, cap: Int64) -> Int64 {
    let toRefresh = times.refreshAt.seconds(since: now)
    let toEnd = times.nextUpdate.seconds(since: now) - 1
    return max(0, min(cap, toRefresh, toEnd))
  }
}
