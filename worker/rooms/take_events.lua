-- Takes Daily's next events for a worker; those that a worker took and never acknowledged are taken
-- again after a while. All workers are one consumer: the one that takes an entry is no matter. The
-- group is made when the first event is there. Follows prelude.lua.
--
-- An entry that was taken ALONE_FROM times may be the one that harms its step: it is taken alone, and after
-- GIVEN_UP_FROM times it is given up. If events were trimmed before they were read, nobody knows of the calls
-- that started until then, so they are not judged (judge.lua).
--
-- KEYS  1 webhooks
-- ARGV  1 most entries  2 after how long, in ms, an entry is taken again; 0: not now
-- Returns {the entries, how many were given up}.
local daily, most, again_ms = prefix .. KEY_DAILY, ARGV[1], tonumber(ARGV[2])
local CONSUMER = 'workers'
local ALONE_FROM, GIVEN_UP_FROM = 2, 5

if redis.call('EXISTS', daily) == 0 then
    return { {}, 0 }
end
local delivered
for _, info in ipairs(redis.call('XINFO', 'GROUPS', daily)) do
    delivered = field(info, 'name') == 'events' and field(info, 'last-delivered-id') or delivered
end
if not delivered then
    redis.call('XGROUP', 'CREATE', daily, 'events', '0')
    delivered = NOTHING
end

-- Which entries to take again, and how many are given up.
local function pending_ids()
    local ids, alone, given_up = {}, nil, 0
    for _, row in ipairs(redis.call('XPENDING', daily, 'events', 'IDLE', again_ms, '-', '+', most)) do
        local id, deliveries = row[1], row[4]
        if deliveries >= GIVEN_UP_FROM then
            given_up = given_up + redis.call('XACK', daily, 'events', id)
        elseif deliveries >= ALONE_FROM then
            alone = alone or id
        else
            ids[#ids + 1] = id
        end
    end
    return #ids > 0 and ids or { alone }, given_up
end

local given_up = 0
if again_ms > 0 then
    local ids
    ids, given_up = pending_ids()
    if #ids > 0 then -- trimmed ones go out of the pending list here
        local rows = redis.call('XCLAIM', daily, 'events', CONSUMER, again_ms, unpack(ids))
        if #rows < #ids then
            redis.call('DEL', prefix .. KEY_UNHEARD)
        end
        return { rows, given_up }
    end
end
local read = redis.call('XREADGROUP', 'GROUP', 'events', CONSUMER, 'COUNT', most, 'STREAMS', daily, '>')
local rows = read and read[1] and read[1][2] or {}
if #rows > 0 and delivered ~= NOTHING and #redis.call('XRANGE', daily, delivered, delivered) == 0 then
    redis.call('DEL', prefix .. KEY_UNHEARD)
end
return { rows, given_up }
