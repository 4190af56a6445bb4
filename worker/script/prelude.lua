-- Shared by the scripts: Redis' time, and the stream of webhooks with its group. A script is given
-- this stream, KEYS[1], and a key that does not exist (REDIS_SCRIPT_KEYS); it makes the others from the
-- prefix and their names (KEY_CALL and so on, common/redis/redis_keys.h).
local PAUSE_MS_LONGEST = RETRY_AFTER_MS + 1000 -- nobody is told to wait longer than RETRY_AFTER_MS

local REQUEST_MS_MAX = 130000 -- no request is out for longer: START_TIMEOUT_S is at most 120

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function text(number)
    return string.format('%.0f', number)
end

-- An id as a text that sorts as ids do; its second part may be too large for a number.
local function sort_key(id)
    local ms, sequence = id:match('^(%d+)-(%d+)$')
    return string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #sequence) .. sequence
end

-- The index of the record: a set for every minute of entries, which holds the numbers, agents
-- and outcomes that occur in it. A search for one of them need not read all entries.
local prefix = KEYS[1]:match('^(.*)' .. KEY_WEBHOOKS .. '$')

local function index_of(entry)
    return prefix .. KEY_INDEX .. string.format('%d', math.floor(entry:match('^%d+') / INDEX_MS))
end

-- Is a number, or an address, written otherwise than +14152251493, 14152251493 or 0014152251493?
-- Readers look for the usual spellings only, and for `?` (worker/audit/facets.c).
local function is_unusual(number)
    return not number:find('^%+?%d+$') and number:find('[%d@]')
end

local function add_to_index(entry, from, to, agent, route, state, reason)
    local names = { 'from:' .. from, 'to:' .. to, 'agent:' .. agent, 'state:' .. state, 'reason:' .. reason }
    if route ~= '' then
        names[#names + 1] = 'route:' .. route
    end
    redis.call('SADD', index_of(entry), unpack(names))
    if is_unusual(from) then
        redis.call('SADD', index_of(entry), 'from:?')
    end
    if is_unusual(to) then
        redis.call('SADD', index_of(entry), 'to:?')
    end
end

local now_text = time[1] .. string.format('%03d', math.floor(time[2] / 1000))

-- How long a pause up to that time still lasts, in ms. A time further ahead than any pause was
-- written before Redis' clock was set back: it is over.
local function left_until(ms)
    return ms - now <= PAUSE_MS_LONGEST and math.max(ms - now, 0) or 0
end

-- Of names and values in turn, as entries and XINFO have them; nil: there is none.
local function field(fields, name)
    for i = 1, #fields, 2 do
        if fields[i] == name then
            return fields[i + 1]
        end
    end
end

local NOTHING = '0-0'

-- The workers' group as XINFO GROUPS shows it; nil if there is none.
local function group()
    if redis.call('EXISTS', KEYS[1]) == 1 then
        for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
            if field(info, 'name') == 'workers' then
                return info
            end
        end
    end
end

-- The last entry before the oldest unfinished one. The key goes up only, unless it belongs to a
-- stream that is gone. NOTHING: no entry is known to be finished.
local function advance_low_water_mark()
    local workers = group()
    if not workers then
        return NOTHING
    end
    local low = field(workers, 'last-delivered-id')
    local oldest = redis.call('XPENDING', KEYS[1], 'workers')[2]
    if oldest then
        local before = redis.call('XREVRANGE', KEYS[1], '(' .. oldest, '-', 'COUNT', 1)[1]
        low = before and before[1] or NOTHING
    end
    local known = redis.call('GET', prefix .. KEY_LOW) or NOTHING
    local newest = field(redis.call('XINFO', 'STREAM', KEYS[1]), 'last-generated-id')
    if low ~= NOTHING and (sort_key(known) < sort_key(low) or sort_key(known) > sort_key(newest)) then
        redis.call('SET', prefix .. KEY_LOW, low)
    end
    return low
end

-- The owner of an entry in the group's pending list, and how often it was delivered; nil: nobody.
local function owner_of(entry)
    local row = redis.call('XPENDING', KEYS[1], 'workers', entry, entry, '1')[1]
    if row then
        return row[2], row[4]
    end
end

-- How many entries a consumer holds.
local function count_of(consumer)
    for _, owner in ipairs(redis.call('XPENDING', KEYS[1], 'workers')[4] or {}) do
        if owner[1] == consumer then
            return tonumber(owner[2])
        end
    end
    return 0
end

-- Changes the owner; this does not count as a delivery.
local function give_to(consumer, entry)
    redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, entry, 'JUSTID')
end

-- An entry as XRANGE returns it; without fields if it was deleted from the stream.
local function row_of(entry)
    return redis.call('XRANGE', KEYS[1], entry, entry)[1] or { entry, false }
end

-- Where a call goes by its hash, for the worker that is handed its entry; empty if the hash is not
-- this entry's.
local function record_of(entry, call_id)
    local call = redis.call('HMGET', prefix .. KEY_CALL .. call_id, 'entry', 'route', 'agent', 'step',
        'looked_ms')
    if call[1] ~= entry then
        return {}
    end
    local answer = call[5] and redis.call('GET', prefix .. KEY_LOOKUP .. call_id)
    return { call[2] or '', call[3] or '', call[4] or '0', call[5] or '', answer or '' }
end

-- The name under which a call is recorded, as worker/call.c has it.
local function name_of(entry, call_id)
    local is_usable = call_id and #call_id > 0 and #call_id <= RECORD_ID_BYTES_MAX and not call_id:find('[^ -~]') and
        call_id:sub(1, 1) ~= ' ' and call_id:sub(-1) ~= ' '
    return is_usable and call_id or 'entry-' .. entry
end

-- An entry for the worker that is handed it: {entry, fields, deliveries so far, its call's record}.
local function handed(entry, deliveries)
    local fields = row_of(entry)[2]
    return { entry, fields, deliveries, fields and record_of(entry, name_of(entry, field(fields, 'call_id'))) or {} }
end
