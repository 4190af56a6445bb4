-- Takes Daily's next events for a worker; those that a worker took and never acknowledged are taken
-- again after a while. All workers are one consumer: the one that takes an entry is no matter. The
-- group is made when the first event is there. Follows prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 most entries  2 after how long, in ms, an entry is taken again; 0: not now
-- Returns the entries.
local daily, most, again_ms = prefix .. KEY_DAILY, ARGV[1], tonumber(ARGV[2])
local CONSUMER = 'workers'

if redis.call('EXISTS', daily) == 0 then
    return {}
end
local has_group = false
for _, info in ipairs(redis.call('XINFO', 'GROUPS', daily)) do
    has_group = has_group or field(info, 'name') == 'events'
end
if not has_group then
    redis.call('XGROUP', 'CREATE', daily, 'events', '0')
end
if again_ms > 0 then
    local rows = redis.call('XPENDING', daily, 'events', 'IDLE', again_ms, '-', '+', most)
    local ids = {}
    for _, row in ipairs(rows) do
        ids[#ids + 1] = row[1]
    end
    if #ids > 0 then -- trimmed ones go out of the pending list here
        return redis.call('XCLAIM', daily, 'events', CONSUMER, again_ms, unpack(ids))
    end
end
local read = redis.call('XREADGROUP', 'GROUP', 'events', CONSUMER, 'COUNT', most, 'STREAMS', daily, '>')
return read and read[1] and read[1][2] or {}
