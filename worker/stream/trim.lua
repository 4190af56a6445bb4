-- Takes finished history away, oldest first, at most ARGV[2] entries in a step: entries older than
-- the retention time, and above a share of maxmemory whatever is finished. The low-water mark, up to
-- which every entry is finished, is moved up first, and nothing after it is ever taken.
-- Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 retention time in ms  2 most entries to take
--       3 per cent of maxmemory above which history goes before its time
-- Returns {entries taken, the youngest of them or an empty text, 1: taken before their time,
-- 1: there is more to take, used memory, maxmemory}.
local EVENTS_MAX = 1000 -- of audit and dead letters each, in a step
local retention_ms, most, calls = tonumber(ARGV[1]), tonumber(ARGV[2]), prefix .. KEY_CALL

local function ms_of(id)
    return tonumber(id:match('^%d+'))
end

-- Managed servers may forbid INFO: then nothing goes before its time.
local function memory()
    local info = redis.pcall('INFO', 'memory')
    if type(info) == 'table' then
        return 0, 0
    end
    return tonumber(info:match('\nused_memory:(%d+)')), tonumber(info:match('\nmaxmemory:(%d+)'))
end

local function is_short(used, maxmemory)
    return maxmemory > 0 and used * 100 > maxmemory * tonumber(ARGV[3])
end

-- A call that ended a moment ago is remembered a while longer, or a second copy of its webhook would
-- start a second bot.
local function forget_call(id, fields)
    local key = calls .. name_of(id, field(fields, 'call_id'))
    local call = redis.call('HMGET', key, 'entry', 'state')
    if call[1] == id and (call[2] == 'started' or call[2] == 'dead') then
        local left_ms = ms_of(id) + DUPLICATES_MS - now
        if left_ms > 0 then
            redis.call('EXPIRE', key, math.ceil(left_ms / 1000))
        else
            redis.call('DEL', key)
        end
        redis.call('HDEL', prefix .. KEY_REPLAYS, field(fields, 'call_id') or '')
    end
end

-- The index of a minute goes with the minute's last entry.
local function trim_index(rows, kept)
    local done = kept and index_of(kept)
    for i = #rows, 1, -1 do
        local key = index_of(rows[i][1])
        if key ~= done then
            redis.call('DEL', key)
            done = key
        end
    end
end

-- Whole nodes of the stream up to EVENTS_MAX; the few that are left of the last node, exactly.
-- Returns whether there is more, and how many were taken.
local function trim_events(key, mark)
    local taken = redis.call('XTRIM', key, 'MINID', '~', mark, 'LIMIT', EVENTS_MAX)
    if taken > EVENTS_MAX / 2 then
        return true, taken
    end
    return false, taken + redis.call('XTRIM', key, 'MINID', '=', mark)
end

local used, maxmemory = memory()
local before_time = is_short(used, maxmemory)
local low = advance_low_water_mark()
local cut = now - retention_ms
local last = low
if not before_time and ms_of(low) >= cut then
    last = text(cut - 1)
end
local rows = redis.call('XRANGE', KEYS[1], '-', last, 'COUNT', most)
for _, row in ipairs(rows) do
    forget_call(row[1], row[2])
end
local youngest = #rows > 0 and rows[#rows][1] or ''
if #rows > 0 then
    local kept = redis.call('XRANGE', KEYS[1], '(' .. youngest, '+', 'COUNT', 1)[1]
    trim_index(rows, kept and kept[1])
    redis.call('XTRIM', KEYS[1], 'MINID', '=', kept and kept[1] or text(ms_of(youngest) + 1))
end

-- Events and dead letters are younger than their entry, a duplicate's too, for that is an entry of
-- its own. So one whose id is below that of the oldest entry still here belongs to an entry that is
-- gone, and no kept call loses a part of its story. The reverse is not true: the last events of an
-- entry follow it only once they are old enough themselves. (If Redis' clock was set back, an
-- event may be older than its entry, and go as much earlier as the clock was wrong.)
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local mark = text(before_time and now or cut) .. '-0'
if first and sort_key(first[1]) < sort_key(mark) then
    mark = first[1]
end
local more_audit, audit_taken = trim_events(prefix .. KEY_AUDIT, mark)
local more_dead, dead_taken = trim_events(prefix .. KEY_DEAD, mark)

-- Webhooks that were refused belong to no entry. (The ingress keeps their number below a maximum.)
redis.call('XTRIM', prefix .. KEY_REFUSED, 'MINID', text(before_time and now or cut) .. '-0')
-- Daily's events are joined by now, or never will be.
local more_daily = trim_events(prefix .. KEY_DAILY, text(before_time and now or cut) .. '-0')

local more = #rows == most or more_audit or more_dead or more_daily
if before_time then
    used, maxmemory = memory()
    more = is_short(used, maxmemory) and #rows + audit_taken + dead_taken > 0
end
return { #rows, youngest, before_time and 1 or 0, more and 1 or 0, used, maxmemory }
