-- Sessions of a full agent that are known to have ended, by Daily's events. Follows prelude.lua, in
-- join.lua.
--
-- `pace:<agent>` counts them (`freed`, the last one at `freed_ms`); admit.lua admits a call for each at
-- once, whatever the pace and the agent's Retry-After are, and counts these in `credited`. If the agent's
-- sessions end later than at Daily, they are `expected` (told.lua).
local LAG_MS, LAG_PAUSE_MS = 60000, 250

-- An event that comes late tells nothing: the line has found the place since.
local function note_session_end(agent_of_call, happened_ms)
    local pace_key = prefix .. KEY_PACE .. agent_of_call
    local known = redis.call('HMGET', pace_key, 'slowed_ms', 'lag_ms', 'next_ms')
    if now - happened_ms >= FREED_MS or not known[1] or
        redis.call('EXISTS', prefix .. KEY_LINE .. agent_of_call) == 0 then
        return
    end
    local is_expected = known[2] and now - known[2] < LAG_MS
    local name = is_expected and 'expected' or 'freed'
    if redis.call('HINCRBY', pace_key, name, 1) > FREED_MAX then
        redis.call('HSET', pace_key, name, FREED_MAX)
    end
    redis.call('HSET', pace_key, 'freed_ms', now_text)
    if is_expected and tonumber(known[3] or 0) > now + LAG_PAUSE_MS then
        redis.call('HSET', pace_key, 'next_ms', text(now + LAG_PAUSE_MS))
    end
end
