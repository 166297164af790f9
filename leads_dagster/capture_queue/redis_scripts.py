"""The scripts of `redis_queue`: each runs alone on the server, all or nothing.

What belongs here: Lua that writes, and what all scripts begin with; those that only look are `redis_views`. The first
key of each is the prefix of all, the first argument the time in ms since the epoch, or 0 for the server's own. States
are numbers, the places in `items.STATES`.

    <prefix>:customers            set: every customer that ever had an item
    <prefix>:open                 how many are queued, leased and delayed
    <prefix>:bytes                of all bodies
    <prefix>:b:<id>               what never changes: customer, key, captured, enqueued, body
    <prefix>:m:<id>               what does: failures, lost leases, lease, reason, lead; missing until first leased
    <prefix>:z:<state>:<customer> ids by time: since when queued, dead or settled, until when leased or delayed
    <prefix>:k:<customer>         key -> id
    <prefix>:s:<customer>         taken: how many ever; cleared: by hand; 4, 5, 6: settled and no longer kept
    <prefix>:p:<tick>:<customer>  enqueued and settled in ten seconds
"""

HEAD = """
local prefix, now = KEYS[1], tonumber(ARGV[1])
if now == 0 then
    local clock = redis.call('TIME')
    now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
end
local function text(number) return string.format('%.0f', number) end
local function ids_in(state, customer) return prefix .. ':z:' .. state .. ':' .. customer end
local function body_key(id) return prefix .. ':b:' .. id end
local function meta_key(id) return prefix .. ':m:' .. id end
local function fixed(id)
    local kept = redis.call('GET', body_key(id))
    return kept and cmsgpack.unpack(kept)
end
local function meta(id)
    local kept = redis.call('GET', meta_key(id))
    return kept and cmsgpack.unpack(kept) or {f = 0, l = 0, t = '', r = '', d = ''}
end
local function keep(id, what) redis.call('SET', meta_key(id), cmsgpack.pack(what)) end
local function move(id, customer, from, to, at)
    redis.call('ZREM', ids_in(from, customer), id)
    redis.call('ZADD', ids_in(to, customer), text(at), id)
    if from < 3 and to >= 3 then redis.call('DECR', prefix .. ':open') end
    if from >= 3 and to < 3 then redis.call('INCR', prefix .. ':open') end
end
local function pace(customer, field, count)
    local key = prefix .. ':p:' .. text(math.floor(now / 10000)) .. ':' .. customer
    if redis.call('HINCRBY', key, field, count) == count then redis.call('EXPIRE', key, 120) end
end
local function remove(id, customer, state, known)
    redis.call('ZREM', ids_in(state, customer), id)
    redis.call('DEL', body_key(id), meta_key(id))
    if known then -- else the server threw it away, see `worries`
        redis.call('DECRBY', prefix .. ':bytes', #known[5])
        if known[2] ~= id then redis.call('HDEL', prefix .. ':k:' .. customer, known[2]) end
    end
    if state < 3 then redis.call('DECR', prefix .. ':open') end
end
local function sums_key(customer) return prefix .. ':s:' .. customer end
local function customers_from(first)
    if ARGV[first] == nil then return redis.call('SMEMBERS', prefix .. ':customers') end
    return {ARGV[first]}
end
local function oldest_first(a, b)
    if a[2] == b[2] then return a[1] < b[1] end
    return a[2] < b[2]
end
local function collect(found, customer, state, from, to, limit)
    local rows = redis.call('ZRANGEBYSCORE', ids_in(state, customer), from, to, 'WITHSCORES', 'LIMIT', 0, limit)
    for i = 1, #rows, 2 do found[#found + 1] = {rows[i], tonumber(rows[i + 1]), customer, state} end
end
"""

# For scripts that put in many: lists of arguments by customer, and commands that take them, some at a time.
_MANY = """
local function append(lists, customer, one, other)
    local list = lists[customer]
    if not list then
        list = {}
        lists[customer] = list
    end
    list[#list + 1] = one
    list[#list + 1] = other
end
local function call_with(list, ...)
    for start = 1, #list, 1000 do
        local all = {...}
        for i = start, math.min(start + 999, #list) do all[#all + 1] = list[i] end
        redis.call(unpack(all))
    end
end
local function lookups(from)
    local asked = {}
    for i = from, #ARGV, 5 do
        local id, customer, key = ARGV[i], ARGV[i + 1], ARGV[i + 2]
        if key ~= id then
            local keys = asked[customer]
            if not keys then
                keys = {}
                asked[customer] = keys
            end
            keys[#keys + 1] = key
        end
    end
    return asked
end
local function known_ids(customer, asked)
    local found = {}
    for start = 1, #asked, 1000 do
        local last = math.min(start + 999, #asked)
        local ids = redis.call('HMGET', prefix .. ':k:' .. customer, unpack(asked, start, last))
        for i = start, last do found[asked[i]] = ids[i - start + 1] or nil end
    end
    return found
end
"""

# ARGV: how many may wait; then for each: id, customer, key, captured, body. Answers {0, id, new?, …} or {1, open}.
# The same script again, after an answer that was lost, changes nothing and answers the same. Many are looked up and
# written by one command: what a command costs beside its work, and in the log, is more than an item.
PUT = (
    HEAD
    + _MANY
    + """
local limit, answer, fresh, first_of = tonumber(ARGV[2]), {0}, {}, {}
for customer, asked in pairs(lookups(3)) do first_of[customer] = known_ids(customer, asked) end
local again = nil
for i = 3, #ARGV, 5 do
    local id, customer, key = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local first = nil
    if key ~= id then
        first = first_of[customer][key]
        if not first then first_of[customer][key] = id end
    else
        if again == nil then again = redis.call('EXISTS', body_key(id)) == 1 end -- one of them is as good as all
        if again then first = id end
    end
    answer[#answer + 1] = first or id
    answer[#answer + 1] = (first and first ~= id) and 0 or 1
    if not first then fresh[#fresh + 1] = i end
end
if #fresh == 0 then return answer end
local open = redis.call('INCRBY', prefix .. ':open', #fresh)
if open > limit then
    redis.call('DECRBY', prefix .. ':open', #fresh)
    return {1, open - #fresh, #fresh}
end
local bytes, bodies, times, keys, added = 0, {}, {}, {}, {}
for _, i in ipairs(fresh) do
    local id, customer, key, body = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 4]
    append(bodies, '', body_key(id), cmsgpack.pack({customer, key, tonumber(ARGV[i + 3]), now, body}))
    append(times, customer, text(now), id)
    if key ~= id then append(keys, customer, key, id) end
    bytes, added[customer] = bytes + #body, (added[customer] or 0) + 1
end
call_with(bodies[''], 'MSET')
for customer, count in pairs(added) do
    call_with(times[customer], 'ZADD', ids_in(0, customer))
    if keys[customer] then call_with(keys[customer], 'HSET', prefix .. ':k:' .. customer) end
    redis.call('SADD', prefix .. ':customers', customer)
    pace(customer, 'enqueued', count)
    if redis.call('HINCRBY', sums_key(customer), 'taken', count) == count then -- the first: all that is there
        local all = 0
        for state = 0, 6 do all = all + redis.call('ZCARD', ids_in(state, customer)) end
        redis.call('HSET', sums_key(customer), 'taken', all)
    end
end
redis.call('INCRBY', prefix .. ':bytes', bytes)
return answer
"""
)

# ARGV: how many, for how many ms, token, longest, suspect, lost leases, bytes of one lease, reason of death, customer.
# Answers {{id, customer, key, body, captured, enqueued, attempt}, …}.
LEASE = (
    HEAD
    + """
local limit, ms, token, longest = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local suspect, lost_leases, most = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local due = {}
for _, customer in ipairs(customers_from(10)) do
    collect(due, customer, 0, '-inf', '+inf', limit)
    for state = 1, 2 do
        collect(due, customer, state, '-inf', text(now), limit)
        collect(due, customer, state, '(' .. text(now + longest), '+inf', limit)
    end
end
table.sort(due, oldest_first)
local taken, size = {}, 0
for i = 1, math.min(limit, #due) do
    local id, customer, state = due[i][1], due[i][3], due[i][4]
    local what, known = meta(id), fixed(id)
    if state == 1 then what.l = what.l + 1 end
    if not known then -- the server threw it away, see `worries`
        redis.call('ZREM', ids_in(state, customer), id)
        redis.call('DECR', prefix .. ':open')
    elseif what.l >= lost_leases then
        what.t, what.r = '', text(what.l) .. ARGV[9]
        keep(id, what)
        move(id, customer, state, 3, now)
    else
        size = size + #known[5]
        if #taken > 0 and (what.l >= suspect or size > most) then break end
        what.t = token
        keep(id, what)
        move(id, customer, state, 1, now + ms)
        taken[#taken + 1] = {id, customer, known[2], known[5], known[3], known[4], what.f + 1}
        if what.l >= suspect then break end
    end
end
return taken
"""
)

# ARGV: for how many ms, 0 to give back; then for each: id, customer, lease. Answers how many were held.
EXTEND = (
    HEAD
    + """
local ms, held = tonumber(ARGV[2]), 0
for i = 3, #ARGV, 3 do
    local id, customer = ARGV[i], ARGV[i + 1]
    local what = meta(id)
    if what.t ~= '' and what.t == ARGV[i + 2] then
        held = held + 1
        if ms > 0 then
            redis.call('ZADD', ids_in(1, customer), 'XX', text(now + ms), id)
        else
            what.t = ''
            keep(id, what)
            move(id, customer, 1, 0, fixed(id)[4])
        end
    end
end
return held
"""
)

# ARGV: failures until dead, ms after the first, growth, longest, for how long settled ones are kept; then for each: id,
# lease, its state at the end (2: failed), reason, lead. Answers how many were held.
SETTLE = (
    HEAD
    + """
local attempts, delay, growth = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local longest, keep_ms = tonumber(ARGV[5]), tonumber(ARGV[6])
local held, closed = 0, {}
for i = 7, #ARGV, 5 do
    local id, state, at = ARGV[i], tonumber(ARGV[i + 2]), now
    local what = meta(id)
    if what.t ~= '' and what.t == ARGV[i + 1] then
        local customer = fixed(id)[1]
        if state == 2 then
            what.f = what.f + 1
            at = now + math.min(delay * growth ^ math.min(what.f - 1, 20), longest)
            if what.f >= attempts then state, at = 3, now end
        else
            closed[customer] = (closed[customer] or 0) + 1
        end
        what.l, what.t, what.r, what.d = 0, '', ARGV[i + 3], ARGV[i + 4]
        keep(id, what)
        move(id, customer, 1, state, at)
        held = held + 1
    end
end
for customer, count in pairs(closed) do
    pace(customer, 'settled', count)
    for state = 4, 6 do
        local old = {}
        collect(old, customer, state, '-inf', '(' .. text(now - keep_ms), math.max(500, 2 * count))
        for _, row in ipairs(old) do remove(row[1], customer, state, fixed(row[1])) end
        if #old > 0 then redis.call('HINCRBY', sums_key(customer), state, #old) end
    end
end
return held
"""
)

# ARGV: from, before, how many, first and last state, customer. Answers how many are queued again.
QUEUE_AGAIN = (
    HEAD
    + """
local limit, found = tonumber(ARGV[4]), {}
for _, customer in ipairs(customers_from(7)) do
    for state = tonumber(ARGV[5]), tonumber(ARGV[6]) do
        collect(found, customer, state, ARGV[2], '(' .. ARGV[3], limit)
    end
end
table.sort(found, oldest_first)
local count = math.min(limit, #found)
for i = 1, count do
    local id, customer, state = found[i][1], found[i][3], found[i][4]
    local what = meta(id)
    what.f, what.l, what.t = 0, 0, ''
    keep(id, what)
    move(id, customer, state, 0, now)
end
return count
"""
)

# ARGV: ids. Answers how many are gone; those settled since stay.
REMOVE = (
    HEAD
    + """
local gone = 0
for i = 2, #ARGV do
    local id = ARGV[i]
    local known = fixed(id)
    for state = 0, 3 do
        if known and redis.call('ZSCORE', ids_in(state, known[1]), id) then
            remove(id, known[1], state, known)
            redis.call('HINCRBY', sums_key(known[1]), 'cleared', 1)
            gone = gone + 1
            break
        end
    end
end
return gone
"""
)
