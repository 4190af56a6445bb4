-- The sessions that run, by Daily's events: how busy an agent is, and of how many sessions. Follows
-- prelude.lua.
--
-- `running:<agent>` holds the calls whose bot was started and whose end no event has told yet, by their start.
-- `sessions` has of each agent `<count> <when in ms>`: the most that ran when it refused a call, which is its
-- pool, as far as its sessions are ours.
local SESSION_MS_MAX = 4 * 3600 * 1000 -- of one whose end nobody tells
local POOL_MS = 3600 * 1000 -- after so long a smaller pool is believed

local function drop_old_sessions(running)
    redis.call('ZREMRANGEBYSCORE', running, '-inf', text(now - SESSION_MS_MAX))
end

-- If no event comes any more, sessions have no end, and only their age limits their number.
local function begin_session(agent_of_call, id)
    local running = prefix .. KEY_RUNNING .. agent_of_call
    drop_old_sessions(running)
    redis.call('ZADD', running, now_text, id)
    redis.call('PEXPIRE', running, SESSION_MS_MAX)
end

local function end_session(agent_of_call, id)
    redis.call('ZREM', prefix .. KEY_RUNNING .. agent_of_call, id)
end

-- It has refused a call.
local function note_pool(agent_of_call)
    local running, sessions = prefix .. KEY_RUNNING .. agent_of_call, prefix .. KEY_SESSIONS
    drop_old_sessions(running)
    local count = redis.call('ZCARD', running)
    local most, at_ms = (redis.call('HGET', sessions, agent_of_call) or '0 0'):match('^(%d+) (%d+)$')
    if count > 0 and (count >= tonumber(most) or math.abs(now - at_ms) > POOL_MS) then
        redis.call('HSET', sessions, agent_of_call, text(count) .. ' ' .. now_text)
    end
end
