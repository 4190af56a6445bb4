-- Pauses an agent, or lets it go on. While it is paused none of its calls asks: begin.lua and admit.lua
-- look at `paused`. Whoever waits has his turn before callers who ring later: if the agent has no pace,
-- it gets one. Follows prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 agent  2 by whom it is paused (empty: it goes on)
-- Returns {`<when in ms> <by whom>` it was paused before (empty: it was not), how many calls wait, 1 if it
-- is done: no more than AGENTS_MAX agents are paused}.
local WIDTH = 16 -- so many may ask at once when it goes on; a refusal sets it back to one
local agent, who = ARGV[1], ARGV[2]
local paused, line, pace = prefix .. KEY_PAUSED, prefix .. KEY_LINE .. agent, prefix .. KEY_PACE .. agent

local before = redis.call('HGET', paused, agent) or ''
local waiting = redis.call('ZCARD', line)
if who == '' then
    redis.call('HDEL', paused, agent)
    if before ~= '' and redis.call('EXISTS', pace) == 1 then
        -- Nobody could be refused during the pause, so the agent need not have more room.
        redis.call('HSET', pace, 'refused_ms', now_text)
    elseif before ~= '' and waiting > 0 then
        redis.call('HSET', pace, 'width', WIDTH, 'refusals', 0, 'next_ms', 0, 'slowed_ms', now_text)
        redis.call('EXPIRE', pace, PACE_KEPT_S)
    end
elseif before == '' then
    if redis.call('HLEN', paused) >= AGENTS_MAX then
        return { before, waiting, 0 }
    end
    redis.call('HSET', paused, agent, now_text .. ' ' .. who)
end
return { before, waiting, 1 }
