-- Moves a waiting call from its agent's line to the next agent of its route, at its place by age; if
-- that agent has no line, to this worker, which asks at once. Follows event.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 call_id  3 agent and 4 step that it has  5 agent and 6 step that it gets
--       7 how long, in ms, after it rang it moves on from there (empty: never; FORECAST_MS: the forecast
--         decides)
--       8 how many requests may be out for that agent (0: any number)  9 why it moves
-- Returns {the agent that it now has, its entry if it is handed to this worker}; an empty list if
-- the call does not wait there any more.
local consumer, call_id, old_agent, old_step, agent, step = unpack(ARGV, 1, 6)
local next_after_ms, out_max, why = ARGV[7], tonumber(ARGV[8]), ARGV[9]
local call_key, moves = prefix .. KEY_CALL .. call_id, prefix .. KEY_MOVES
local old_line, line, pace = prefix .. KEY_LINE .. old_agent, prefix .. KEY_LINE .. agent, prefix .. KEY_PACE .. agent

local call = redis.call('HMGET', call_key, 'entry', 'agent', 'step', 'attempts', 'route', 'received_ms')
local entry, score = call[1], redis.call('ZSCORE', old_line, call_id)
if not entry or call[2] ~= old_agent or (call[3] or '0') ~= old_step or not score or owner_of(entry) ~= 'line' then
    return {}
end

if redis.call('HEXISTS', prefix .. KEY_PACE .. old_agent, 'down_ms') == 1 then
    why = 'down'
elseif redis.call('HEXISTS', prefix .. KEY_REJECTING .. old_agent, call[5] or '') == 1 then
    why = 'rejecting'
end
local event = write_event(prefix .. KEY_AUDIT, call_id, entry, 'overflow', call[4] or '0', consumer, agent,
    why, '', 'route', call[5] or '', 'step', step, 'from_agent', old_agent)
redis.call('HSET', call_key, 'agent', agent, 'step', step, 'updated_ms', now_text, event, '')
redis.call('ZREM', old_line, call_id)

local is_full = redis.call('HEXISTS', prefix .. KEY_PAUSED, agent) == 1 or
    (out_max > 0 and redis.call('ZCARD', prefix .. KEY_OUT .. agent) >= out_max)
if is_full or redis.call('EXISTS', pace) == 1 or redis.call('ZCARD', line) > 0 then
    redis.call('ZADD', line, score, call_id)
    redis.call('SADD', prefix .. KEY_LINES, agent)
    if next_after_ms == '' then
        redis.call('ZREM', moves, call_id)
    else
        local is_to_be_left = redis.call('HEXISTS', pace, 'down_ms') == 1 or
            redis.call('HEXISTS', prefix .. KEY_REJECTING .. agent, call[5] or '') == 1
        redis.call('ZADD', moves, is_to_be_left and now_text or text(math.min(call[6] + next_after_ms, FORECAST_MS)), call_id)
    end
    return { agent, {} }
end
redis.call('ZREM', moves, call_id)
redis.call('ZREM', prefix .. KEY_HOLDS, call_id)
give_to(consumer, entry)
return { agent, { handed(entry, 0) } }
