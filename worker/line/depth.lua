-- A page of a wait queue, for the forecast: who stands there, and until when they hold. Changes nothing.
-- Follows prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 the agent  2 the first place, from 0  3 the last
-- Returns {scores, ends of holds}, both in the order of the queue, as texts.
local found = redis.call('ZRANGE', prefix .. KEY_LINE .. ARGV[1], ARGV[2], ARGV[3], 'WITHSCORES')
local ids, scores = {}, {}
for n = 1, #found, 2 do
    ids[#ids + 1], scores[#scores + 1] = found[n], found[n + 1]
end
local holds = #ids > 0 and redis.call('ZMSCORE', prefix .. KEY_HOLDS, unpack(ids)) or {}
for place = 1, #ids do
    holds[place] = holds[place] or '0'
end
return { scores, holds }
