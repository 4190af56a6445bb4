-- Sessions of a full agent that are known to have ended, by Daily's events. Follows prelude.lua, in
-- join.lua.
--
-- `pace:<agent>` counts them (`freed`, the last one at `freed_ms`); admit.lua admits a call for each at
-- once, whatever the pace and the agent's Retry-After are, and counts these in `credited`: a 2xx for one of
-- them says nothing about further room.
local FREED_MAX = 1000

local function note_session_end(agent_of_call)
    local pace_key = prefix .. KEY_PACE .. agent_of_call
    if redis.call('HEXISTS', pace_key, 'slowed_ms') == 1 and
        redis.call('EXISTS', prefix .. KEY_LINE .. agent_of_call) == 1 then
        if redis.call('HINCRBY', pace_key, 'freed', 1) > FREED_MAX then
            redis.call('HSET', pace_key, 'freed', FREED_MAX)
        end
        redis.call('HSET', pace_key, 'freed_ms', now_text)
    end
end
