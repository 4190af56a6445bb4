-- Names waiting calls that are to move to the next agent of their route: those that have waited long
-- enough, and all of an agent that is down (pace.lua makes them due). A call that was named is due
-- again after NAMED_MS, in case the worker that moves it dies. Follows prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 most calls to name
-- Returns {how long, in ms, until the next is due (-1: none is), {call_id, route, agent, step} of each}.
local NAMED_MS = 2000
local moves = prefix .. KEY_MOVES

local due = {}
for _, call_id in ipairs(redis.call('ZRANGE', moves, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
    local call = redis.call('HMGET', prefix .. KEY_CALL .. call_id, 'state', 'route', 'agent', 'step')
    if call[1] == 'waiting' and redis.call('ZSCORE', prefix .. KEY_LINE .. call[3], call_id) then
        redis.call('ZADD', moves, text(now + NAMED_MS), call_id)
        due[#due + 1] = { call_id, call[2] or '', call[3], call[4] or '0' }
    else
        redis.call('ZREM', moves, call_id)
    end
end
local next_due = redis.call('ZRANGE', moves, 0, 0, 'WITHSCORES')[2]
return { next_due and math.max(math.ceil(next_due - now), 0) or -1, due }
