-- One sample of the counts for each minute, by the first worker that comes in it: figures of a time
-- span are differences of two samples. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 how long, in seconds, samples are kept
-- Returns 1 if this was the first, else 0.
--
-- Beside it, `ended_unread` becomes 0 if no entry is unread or pending: an entry that was deleted before a
-- worker read it, or that a worker of an older version acknowledged, is not taken from it (ending.lua).
local FIELDS_MAX = 400 -- names and values of `counts`
local POOL_KEPT_MS = 24 * 3600 * 1000 -- after an agent's last refusal
local PROGRAM_GONE_MS = 60000
local workers = redis.call('HGET', prefix .. KEY_COUNTS, 'ended_unread') and group()
if workers and field(workers, 'pending') == 0 and field(workers, 'last-delivered-id') ==
    field(redis.call('XINFO', 'STREAM', KEYS[1]), 'last-generated-id') then
    redis.call('HSET', prefix .. KEY_COUNTS, 'ended_unread', '0')
end
local key = prefix .. KEY_MINUTE .. text(math.floor(now / 60000))
if redis.call('EXISTS', key) == 1 then
    return 0
end
-- How many sessions of full agents are busy, of how many, for the minute: worker/rooms/sessions.lua.
local busy, pool = 0, 0
local sessions = redis.call('HGETALL', prefix .. KEY_SESSIONS)
for i = 1, #sessions, 2 do
    local most, at_ms = sessions[i + 1]:match('^(%d+) (%d+)$')
    local running = redis.call('ZCARD', prefix .. KEY_RUNNING .. sessions[i])
    if math.abs(now - at_ms) > POOL_KEPT_MS then
        redis.call('HDEL', prefix .. KEY_SESSIONS, sessions[i])
    else
        busy, pool = busy + running, pool + math.max(running, tonumber(most))
    end
end
if pool > 0 then
    redis.call('HINCRBY', prefix .. KEY_COUNTS, 'busy_s', text(60 * busy))
    redis.call('HINCRBY', prefix .. KEY_COUNTS, 'pool_s', text(60 * pool))
end
local counts = redis.call('HGETALL', prefix .. KEY_COUNTS)
local fields = { 'at_ms', now_text, 'waiting', redis.call('ZCARD', prefix .. KEY_HOLDS), 'oldest_ms', 0 }
for _, agent in ipairs(redis.call('SMEMBERS', prefix .. KEY_LINES)) do
    local _, first = unpack(redis.call('ZRANGE', prefix .. KEY_LINE .. agent, 0, 0, 'WITHSCORES'))
    local rang_ms = tonumber(first or DIALOUTS_AFTER_DIALINS) -- of a dial-out nobody holds
    local waited_ms = rang_ms < DIALOUTS_AFTER_DIALINS and now - rang_ms or 0
    fields[6] = math.max(fields[6], waited_ms)
end
fields[6] = text(fields[6])
for i = 1, math.min(#counts, FIELDS_MAX) do
    fields[#fields + 1] = counts[i]
end
redis.call('HSET', key, unpack(fields))
redis.call('EXPIRE', key, ARGV[1])
redis.call('ZREMRANGEBYSCORE', prefix .. KEY_PROGRAMS, '-inf', text(now - PROGRAM_GONE_MS))
return 1
