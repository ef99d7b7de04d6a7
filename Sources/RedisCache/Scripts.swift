import RedisClient

/// What Redis does by itself, in one step each. Every script has one key, so that a cluster can run it.
enum Scripts {
  /// Writes a frame by the rule of `SharedWrite`: by fencing token, revision and producedAt, which stand big-endian at fixed
  /// places. Lua's numbers are too small for them, so octets are compared.
  ///
  /// KEYS: the answer's key. ARGV: the frame, milliseconds until it ends, 1 where it is only to take the place of something.
  /// Gives the number of an outcome; 3 where nothing was there.
  static let store = RedisScript(
    """
    local function compare(one, other, from)
      for place = from, from + 7 do
        local left, right = string.byte(one, place), string.byte(other, place)
        if left ~= right then return left < right and -1 or 1 end
      end
      return 0
    end
    local held = redis.pcall('GET', KEYS[1])
    local outcome = 1
    -- An error: it is of another type, and gives way as all that is no frame.
    if type(held) == 'string' then
      if held == ARGV[1] then return 0 end
      if #held >= 28 and string.sub(held, 1, 4) == 'AVO1' then
        if compare(held, ARGV[1], 5) > 0 then return -1 end
        local order = compare(held, ARGV[1], 13)
        if order == 0 then order = compare(held, ARGV[1], 21) end
        if order > 0 then return -2 end
        if order < 0 then outcome = 2 end
      end
    elseif not held then
      if ARGV[3] == '1' then return -3 end
      outcome = 3
    end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return outcome
    """)

  /// Marks a value as damaged if it is still the one that was found to be no good.
  ///
  /// KEYS: the answer's key. ARGV: the value, the mark, seconds.
  static let discard = RedisScript(
    """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
    return 1
    """)

  /// Claims the lease of the one origin. The hash outlives the lease: it says whose store the answers come from.
  ///
  /// KEYS: the lease. ARGV: store identity, name, revision, milliseconds, 1 where an operator takes over, now in seconds, the
  /// smallest token that may be given, who claims. The server's own clock decides whether the lease is over; who holds it may
  /// claim it anew, since he may not have heard that he got it. A token is the time in milliseconds at least: where all was
  /// forgotten the next process must not get one that others have seen, be it within the same second. What is no time, revision
  /// or token counts as none: somebody else has written it. Gives the token, or a list: what is in the way, name, since,
  /// revision.
  static let claim = RedisScript(
    """
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local held = redis.call('HMGET', KEYS[1], 'end', 'store', 'name', 'since', 'revision', 'token', 'process')
    local own = ARGV[8] ~= '' and held[7] == ARGV[8]
    -- A lease lasts minutes: one that ends much later was given by a clock that was ahead.
    local left = (tonumber(held[1] or '0') or 0) - now
    if left > 0 and left < 3600000 and not own then return {'taken', held[3], held[4], held[5]} end
    if held[2] and ARGV[5] ~= '1' then
      if held[2] ~= ARGV[1] then return {'other', held[3], held[4], held[5]} end
      local last = string.match(held[5] or '', '^%d+$') or '0'
      if #last > #ARGV[3] or (#last == #ARGV[3] and last > ARGV[3]) then
        return {'behind', held[3], held[4], last}
      end
    end
    local last = tonumber(held[6] or '0') or 0
    -- Nobody believes a token that is far ahead of the time; what such a one has written, edges find damaged.
    local latest = now + 3600000
    if not (last >= 0 and last < latest) then last = 0 end
    local token = math.max(last + 1, math.min(tonumber(ARGV[7]), latest), now)
    redis.call('HSET', KEYS[1], 'store', ARGV[1], 'name', ARGV[2], 'revision', ARGV[3], 'since', ARGV[6],
      'process', ARGV[8], 'token', string.format('%.0f', token), 'end', string.format('%.0f', now + tonumber(ARGV[4])))
    return token
    """)

  /// KEYS: the lease. ARGV: token, revision, milliseconds. Gives 1 where it is still ours.
  static let renew = RedisScript(
    """
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local held = redis.call('HMGET', KEYS[1], 'token', 'end')
    if held[1] ~= ARGV[1] or tonumber(held[2] or '0') <= now then return 0 end
    redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'end', string.format('%.0f', now + tonumber(ARGV[3])))
    return 1
    """)

  /// KEYS: the lease. ARGV: token, revision. What else it says stays.
  static let release = RedisScript(
    """
    if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'end', '0')
    return 1
    """)
}
