"""The scripts of `redis_books`: each runs alone on the server, all or nothing.

What belongs here: Lua. The first argument of each is the time in ms since the epoch, or 0 for the server's own.
`month` is the month (UTC) of a time, by Howard Hinnant's `civil_from_days`
(howardhinnant.github.io/date_algorithms.html); scripts have no calendar of their own.
"""

_NOW = """
local now = tonumber(ARGV[1])
if now == 0 then
    local clock = redis.call('TIME')
    now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
end
"""

_MONTH = """
local function month_of(ms)
    local day = math.floor(ms / 86400000) + 719468
    local era = math.floor(day / 146097)
    local doe = day - era * 146097
    local yoe = math.floor(
        (doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
    local mp = math.floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    return string.format('%04d-%02d', yoe + era * 400 + (month <= 2 and 1 or 0), month)
end

local function this_month(key)
    local month = month_of(now)
    if redis.call('HGET', key, 'month') ~= month then
        redis.call('HSET', key, 'month', month, 'month_calls', 0, 'month_pulls', 0,
            'month_since_ms', string.format('%d', now))
    end
end

local function number(key, field)
    return tonumber(redis.call('HGET', key, field) or 0)
end
"""

# KEYS: for each limit its facts, its calls, its hours. ARGV from 10 on: for each its calls, its window, its longest
# rest, and its calls once a month is used up.
# Answers {wait, 0, ''}; {0, began, '' or 'probing'}; {-2, parked until, reason}; {-3, 0, ''} if a limit is not known.
ENTER = (
    _NOW
    + _MONTH
    + """
local ticket, on_its_way, future = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local look_again, probe, longest_park = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local hour_ms, hours_kept = tonumber(ARGV[8]), tonumber(ARGV[9])
local count = #KEYS / 3
local function key(i, kind) return KEYS[(i - 1) * 3 + kind] end
local function setting(i, kind) return tonumber(ARGV[9 + (i - 1) * 4 + kind]) end

local parked, rest, pace = 0, 0, 1
for i = 1, count do
    if redis.call('EXISTS', key(i, 1)) == 0 then return {-3, 0, ''} end
    local parked_for = number(key(i, 1), 'parked_until_ms') - now
    if parked_for > 0 and parked_for <= longest_park then
        local probe_in = number(key(i, 1), 'probe_at_ms') - now
        if probe_in > 0 and probe_in <= probe then
            return {-2, now + parked_for, redis.call('HGET', key(i, 1), 'parked_reason') or ''}
        end
        parked = i
    end
    local left = number(key(i, 1), 'resting_until_ms') - now
    if left > rest and left <= setting(i, 3) then rest = left end
    local limit = number(key(i, 1), 'month_limit')
    if limit > 0 and number(key(i, 1), 'month_calls') >= limit
        and redis.call('HGET', key(i, 1), 'month') == month_of(now) then
        pace = 4
    end
end
if rest > 0 then return {rest, 0, ''} end

for i = 1, count do
    local calls, window, slots = setting(i, pace), setting(i, 2), key(i, 2)
    if calls > 0 then
        redis.call('ZREMRANGEBYSCORE', slots, '-inf', now - window - 1)
        redis.call('ZREMRANGEBYSCORE', slots, now + future + 1, '+inf')
        if redis.call('ZCARD', slots) >= calls then
            local blocking = redis.call('ZRANGE', slots, -calls, -calls, 'WITHSCORES')
            local wait = tonumber(blocking[2]) + window - now + 1
            if wait > window then wait = look_again end
            return {math.max(1, wait), 0, ''}
        end
    end
end

for i = 1, count do
    local facts, slots, hours = key(i, 1), key(i, 2), key(i, 3)
    if setting(i, 1) > 0 then
        redis.call('ZADD', slots, now + on_its_way, ticket)
        redis.call('PEXPIRE', slots, setting(i, 2) + on_its_way + future)
    end
    this_month(facts)
    redis.call('HINCRBY', facts, 'month_calls', 1)
    local hour = math.floor(now / hour_ms)
    if redis.call('HINCRBY', hours, hour, 1) == 1 then
        for _, old in ipairs(redis.call('HKEYS', hours)) do
            if tonumber(old) < hour - hours_kept then redis.call('HDEL', hours, old) end
        end
    end
end
if parked > 0 then
    redis.call('HSET', key(parked, 1), 'probe_at_ms', string.format('%d', now + probe))
    return {0, now, 'probing'}
end
return {0, now, ''}
"""
)

# KEYS: the calls of each limit. ARGV: ticket, when it began, what every answer takes. Answers the ms it took.
SETTLE = (
    _NOW
    + """
local began, least = tonumber(ARGV[3]), tonumber(ARGV[4])
local took = math.max(0, now - began)
for _, slots in ipairs(KEYS) do
    redis.call('ZADD', slots, 'XX', began + took - math.min(least, took), ARGV[2])
end
return took
"""
)

# KEYS: the limit. ARGV: for how long.
REST = (
    _NOW
    + """
local until_ms = math.max(tonumber(redis.call('HGET', KEYS[1], 'resting_until_ms') or 0), now + tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'resting_until_ms', string.format('%d', until_ms))
redis.call('HINCRBY', KEYS[1], 'rests', 1)
return 0
"""
)

# KEYS: the limit. ARGV: until when, why, ms to the first probe. Answers until when it was parked before, and now.
PARK = (
    _NOW
    + """
local before = tonumber(redis.call('HGET', KEYS[1], 'parked_until_ms') or 0)
redis.call('HSET', KEYS[1], 'parked_until_ms', ARGV[2], 'parked_reason', ARGV[3],
    'probe_at_ms', string.format('%d', now + tonumber(ARGV[4])))
return {before, now}
"""
)

# KEYS: the base, then the account if that is another. ARGV: when the last look was. Answers 1 if claimed.
CLAIM = (
    _NOW
    + _MONTH
    + """
if number(KEYS[1], 'last_pull_ms') ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'last_pull_ms', string.format('%d', now))
for _, key in ipairs(KEYS) do
    this_month(key)
    redis.call('HINCRBY', key, 'month_pulls', 1)
end
return 1
"""
)

# KEYS: the base.
NOTE_PULL = (
    _NOW
    + """
redis.call('HSET', KEYS[1], 'last_pull_ms', string.format('%d', now))
return 0
"""
)
