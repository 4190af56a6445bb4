-- Erases one entry and its call, if it is finished; the counters stay, and so the
-- account. A call that ended a moment ago keeps a hash without anything personal in it, so that a
-- second copy of its webhook starts no second bot. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 entry  2 call_id  3, 4 the person's number as From and To of the call have it; empty: that
--       one is not the person's
--       5 the person as a caller, by whom limit_per_caller counts
-- Returns {webhooks, events, dead letters erased}, or an empty list if the entry is not finished.
local entry, call_id, from, to = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local audit, dead, call_key = prefix .. KEY_AUDIT, prefix .. KEY_DEAD, prefix .. KEY_CALL .. call_id

local function is_finished()
    local workers = group() -- nil: it was lost, and will bring the entry again
    return workers and sort_key(entry) <= sort_key(field(workers, 'last-delivered-id')) and
        not owner_of(entry)
end

if not is_finished() then
    return {}
end

local hash = redis.call('HGETALL', call_key)
local own = field(hash, 'entry') == entry
local events, letters = 0, 0

-- Of records that do not name their letter: it was written with the event.
local function erase_letters(ms)
    for _, row in ipairs(redis.call('XRANGE', dead, ms, ms)) do
        if field(row[2], 'call_id') == call_id then
            letters = letters + redis.call('XDEL', dead, row[1])
        end
    end
end

-- All events of a call; of a duplicate only its own.
for i = 1, #hash, 2 do
    local id = hash[i]:match('^event:(.*)$')
    local row = id and redis.call('XRANGE', audit, id, id)[1]
    if row and (own or field(row[2], 'entry') == entry) then
        if own and field(row[2], 'event') == 'dead' then
            erase_letters(id:match('^%d+'))
        end
        events = events + redis.call('XDEL', audit, id)
        redis.call('HDEL', call_key, hash[i])
    end
end

-- Daily's events of the call, and the fields that they set.
for i = 1, own and #hash or 0, 2 do
    if hash[i]:find('^daily:') then
        redis.call('XDEL', prefix .. KEY_DAILY, hash[i + 1])
        redis.call('HDEL', call_key, hash[i])
    end
end

local letter = own and field(hash, 'letter')
if letter then
    letters = letters + redis.call('XDEL', dead, letter)
end

if own then
    local left_ms = tonumber(entry:match('^%d+')) + DUPLICATES_MS - now
    if left_ms > 0 then
        for _, name in ipairs({ 'from', 'to', 'session_id', 'room_url', 'error', 'token' }) do
            redis.call('HDEL', call_key, name)
        end
        redis.call('EXPIRE', call_key, math.ceil(left_ms / 1000))
    else
        redis.call('DEL', call_key)
    end
    redis.call('HDEL', prefix .. KEY_REPLAYS, call_id)
    redis.call('DEL', prefix .. KEY_LOOKUP .. call_id)
    redis.call('ZREM', prefix .. KEY_UNHEARD, call_id)
    redis.call('ZREM', prefix .. KEY_RUNNING .. (field(hash, 'agent') or ''), call_id)
    redis.call('DEL', prefix .. KEY_CALLER .. (field(hash, 'route') or '') .. ':' .. redis.sha1hex(ARGV[5]))
    redis.call('DEL', prefix .. KEY_SERVED .. redis.sha1hex(ARGV[5]))
end
redis.call('SREM', index_of(entry), 'from:' .. from, 'to:' .. to)
advance_low_water_mark() -- a worker that remembers the entry as the newest sees that it was finished
return { redis.call('XDEL', KEYS[1], entry), events, letters }
