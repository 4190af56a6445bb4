-- Puts a recorded webhook through again, in one step: counts the replay, copies the entry under the
-- replay's name, and records the event. It goes to the live agent only if the call is dead, its
-- caller can still be on hold, and no replay of it is under way or was started.
--
-- KEYS  1 webhooks as recorded  2 webhooks to which it goes  3 never (redis_keys.h)
-- ARGV  1 entry  2 call_id
--       3 how long, in ms, the caller holds (0: it goes to another agent, not the live one)
-- Returns {why not (empty: it is done), the new entry, the replay's name}.
local entry, call_id, hold_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local prefix_there = KEYS[2]:match('^(.*)' .. KEY_WEBHOOKS .. '$')
local calls, replays = prefix_there .. KEY_CALL, prefix .. KEY_REPLAYS

local row = redis.call('XRANGE', KEYS[1], entry, entry)[1]
if not row then
    return { 'no longer kept', '', '' }
end
local fields = {}
for i = 1, #row[2], 2 do
    fields[row[2][i]] = row[2][i + 1]
end

local count = tonumber(redis.call('HGET', replays, call_id) or 0)
if hold_ms > 0 then
    local call = redis.call('HMGET', prefix .. KEY_CALL .. call_id, 'entry', 'state')
    if call[1] ~= entry or call[2] ~= 'dead' then
        return { call[2] == 'started' and 'started' or 'not finished', '', '' }
    end
    if tonumber(fields.received_ms or 0) + hold_ms <= now then
        return { 'the caller has gone', '', '' }
    end
    for i = 1, count do
        local name = calls .. call_id .. '~r' .. i
        if redis.call('EXISTS', name) == 1 and redis.call('HGET', name, 'state') ~= 'dead' then
            return { 'replayed already', '', '' }
        end
    end
else
    fields.received_ms = now_text
end

local name = call_id .. '~r' .. redis.call('HINCRBY', replays, call_id, 1)
fields.call_id = name
fields.replay_of = entry
local list = {}
for key, value in pairs(fields) do
    list[#list + 1] = key
    list[#list + 1] = value
end
local id = redis.call('XADD', KEYS[2], '*', unpack(list))
redis.call('HSET', calls .. name,
    write_event(prefix_there .. KEY_AUDIT, name, id, 'replay', '0', '', '', '', ''), '')
return { '', id, name }
