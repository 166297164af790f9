"""The scripts of `redis_queue` that only look: what waits, where it stands, what is dead, what an export says.

What belongs here: Lua that writes nothing. Keys and arguments are as `redis_scripts` says.
"""

from __future__ import annotations

from leads_dagster.capture_queue.redis_scripts import HEAD

# ARGV: longest, customer. Answers {customer, queued, leased, delayed, dead, recorded, duplicates, rejected, oldest or
# -1, enqueued, settled} of each: those whose lease or delay is over are queued.
STATUS = (
    HEAD
    + """
local longest, answer = tonumber(ARGV[2]), {}
for _, customer in ipairs(customers_from(3)) do
    local one, oldest, enqueued, settled = {customer}, -1, 0, 0
    for state = 0, 6 do one[state + 2] = redis.call('ZCARD', ids_in(state, customer)) end
    for state = 0, 2 do
        local ids = ids_in(state, customer)
        if state > 0 then
            local back = redis.call('ZCOUNT', ids, '-inf', text(now))
                + redis.call('ZCOUNT', ids, '(' .. text(now + longest), '+inf')
            one[2], one[state + 2] = one[2] + back, one[state + 2] - back
        end
        local first = redis.call('ZRANGE', ids, 0, 0, 'WITHSCORES')[2]
        if first and (state == 0 or tonumber(first) <= now) and (oldest < 0 or tonumber(first) < oldest) then
            oldest = tonumber(first)
        end
    end
    local tick = math.floor(now / 10000)
    for one_tick = tick - 5, tick do
        local counts = redis.call('HMGET', prefix .. ':p:' .. text(one_tick) .. ':' .. customer, 'enqueued', 'settled')
        enqueued, settled = enqueued + (tonumber(counts[1] or 0) or 0), settled + (tonumber(counts[2] or 0) or 0)
    end
    one[9], one[10], one[11] = oldest, enqueued, settled
    answer[#answer + 1] = one
end
return answer
"""
)

# ARGV: customer. Answers {taken, queued, leased, delayed, dead, recorded, duplicates, rejected, cleared}; of those
# settled, with what is no longer kept.
BOOKS = (
    HEAD
    + """
local customer = ARGV[2]
local sums = redis.call('HMGET', sums_key(customer), 'taken', '4', '5', '6', 'cleared')
local function sum(place) return tonumber(sums[place] or 0) or 0 end
local answer = {sum(1)}
for state = 0, 6 do answer[state + 2] = redis.call('ZCARD', ids_in(state, customer)) end
for state = 4, 6 do answer[state + 2] = answer[state + 2] + sum(state - 2) end
answer[9] = sum(5)
return answer
"""
)

# ARGV: before, how many, customer. Answers {{id, key, state, at}, …}, the latest first.
ENDED = (
    HEAD
    + """
local before, limit, customer, found = ARGV[2], tonumber(ARGV[3]), ARGV[4], {}
for state = 4, 6 do
    local ids = ids_in(state, customer)
    local rows = redis.call('ZREVRANGEBYSCORE', ids, '(' .. before, '-inf', 'WITHSCORES', 'LIMIT', 0, limit)
    for i = 1, #rows, 2 do found[#found + 1] = {rows[i], tonumber(rows[i + 1]), state} end
end
table.sort(found, function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] < b[1]) end)
local answer = {}
for i = 1, math.min(limit, #found) do
    local known = fixed(found[i][1])
    if known then answer[#answer + 1] = {found[i][1], known[2], found[i][3], found[i][2]} end
end
return answer
"""
)

# ARGV: how many, customer. Answers {{id, customer, key, body, captured, enqueued, died, failures, reason}, …}.
DEAD = (
    HEAD
    + """
local limit, found, answer = tonumber(ARGV[2]), {}, {}
for _, customer in ipairs(customers_from(3)) do collect(found, customer, 3, '-inf', '+inf', limit) end
table.sort(found, oldest_first)
for i = 1, math.min(limit, #found) do
    local id, died, customer = found[i][1], found[i][2], found[i][3]
    local known, what = fixed(id), meta(id)
    answer[i] = {id, customer, known[2], known[5], known[3], known[4], died, what.f, what.r}
end
return answer
"""
)

# ARGV: from, before, customer. Answers how many were settled in that time, how many wait, and the time.
COUNT_SETTLED = (
    HEAD
    + """
local count = 0
for _, customer in ipairs(customers_from(4)) do
    for state = 4, 6 do count = count + redis.call('ZCOUNT', ids_in(state, customer), ARGV[2], '(' .. ARGV[3]) end
end
return {count, tonumber(redis.call('GET', prefix .. ':open') or 0), now}
"""
)

# ARGV: ids. Answers {{id, customer, key, state, captured, enqueued, failures, reason, body}, …} of those not settled.
LOOK = (
    HEAD
    + """
local answer = {}
for i = 2, #ARGV do
    local id = ARGV[i]
    local known, what = fixed(id), meta(id)
    for state = 0, 3 do
        if known and redis.call('ZSCORE', ids_in(state, known[1]), id) then
            answer[#answer + 1] = {id, known[1], known[2], state, known[3], known[4], what.f, what.r, known[5]}
        end
    end
end
return answer
"""
)
