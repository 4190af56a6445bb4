-- An agent's wait queue and its pace. Follows call.lua, turnover.lua, measured.lua and told.lua in begin.lua and
-- finish.lua; admit.lua admits.
--
-- `line:<agent>` holds the calls that wait, in the order in which they are admitted; `lines` names the
-- agents that have such a queue, `holds` every waiting call by the end of its hold. `asking:<agent>`
-- holds the admitted entries whose request may be out, by the time of their admission. `pace:<agent>`
-- holds how many may be out together (`width`) and when the next may ask (`next_ms`); it counts the
-- refusals and failures since the last 2xx (`refusals`, `failures`), and names the call that failed
-- last (`failed`), when the window was last set back (`slowed_ms`) and the answer that did it (`status`,
-- `error`), since when nobody was refused although one might ask (`refused_ms`: the last refusal, or near
-- the end of a long pause after it), and how long a refusal took (`refusal_ms`). It keeps the agent's
-- turnover in calls a second (`turnover`), the starts since the window was set back (`started`), how many
-- calls the turnover lets in (`tokens`, counted at `tokens_ms`), how many starts last filled the agent
-- (`filled`), and until when the refusals so far are not paid for (`owed_ms`). While the pace exists,
-- every call of the agent goes through the queue. `answers:<agent>` is a stream of the agent's last
-- 2xx and their latencies, by which admit.lua estimates how long an answer takes. `answered:<agent>` is
-- when the agent answered last, and which worker: one that gets no answer learns from it whether others do.
local PACE_MS_MIN, PACE_MS_MAX = 250, 500
local REFUSAL_MS = 350 -- of pause for each refusal, also of requests that were out together
local FILLED_MIN = 4 -- fewer starts say nothing about how much room there will be
local FAST_REFUSALS, SLOW_REFUSALS = 4, 20 -- in a row: at PACE_MS_MIN up to the first, then ever slower
local FAILURES_MAX = 5 -- in a row, of all of an agent's calls
local DOWN_PROBE_MS = 5000 -- one call of a route with a further agent still asks one that is down first
local MOVED_MAX = 10000 -- calls that become due together
local lines, holds, moves = prefix .. KEY_LINES, prefix .. KEY_HOLDS, prefix .. KEY_MOVES

-- The routes that the agent rejects call after call, and when the next of each may ask: rejecting.lua.
local function rejecting_key()
    return prefix .. KEY_REJECTING .. agent
end

-- Is the agent down, or does it reject every call of this route? Calls with a further agent do not wait.
local function is_to_be_left()
    return redis.call('HEXISTS', pace, 'down_ms') == 1 or
        redis.call('HEXISTS', rejecting_key(), route) == 1
end

local function enter_line(has_waited, attempt, reason, err)
    redis.call('ZADD', line, score, call_id)
    redis.call('ZADD', holds, hold_ms, call_id)
    redis.call('SADD', lines, agent)
    if moves_ms ~= '' then
        redis.call('ZADD', moves, is_to_be_left() and now_text or moves_ms, call_id)
    end
    give_to('line', entry)
    if not has_waited then
        local event = record_event('waiting', attempt, consumer, reason, err)
        redis.call('HSET', call_key, 'waiting_ms', now_text, event, '')
    end
end

local function leave_line()
    redis.call('ZREM', line, call_id)
    redis.call('ZREM', holds, call_id)
    redis.call('ZREM', admitted, entry)
    if moves_ms ~= '' then
        redis.call('ZREM', moves, call_id)
    end
end

-- All waiting calls of the agent that have a further agent; `of_route`: only those of this route.
local function make_due(of_route)
    for _, id in ipairs(redis.call('EXISTS', moves) == 1 and
        redis.call('ZRANGE', line, 0, MOVED_MAX - 1) or {}) do
        if not of_route or redis.call('HGET', prefix .. KEY_CALL .. id, 'route') == of_route then
            redis.call('ZADD', moves, 'XX', now_text, id)
        end
    end
end

-- The agent is misconfigured, or fails each time: calls of a route with a further agent move there.
local function note_down()
    if redis.call('HSETNX', pace, 'down_ms', now_text) == 1 then
        redis.call('HSET', pace, 'down_probe_ms', now_text)
        make_due(nil)
    end
end

-- May this new call ask an agent that is down, or rejects its route, and that the others leave at once?
local function is_down_probe()
    local known = redis.call('HMGET', pace, 'down_ms', 'down_probe_ms')
    local rejecting_ms = redis.call('HGET', rejecting_key(), route)
    if known[1] and left_until(tonumber(known[2] or 0) + DOWN_PROBE_MS) == 0 then
        redis.call('HSET', pace, 'down_probe_ms', now_text)
        return true
    elseif not known[1] and rejecting_ms and left_until(tonumber(rejecting_ms)) == 0 then
        redis.call('HSET', rejecting_key(), route, text(now + REJECTING_PAUSE_MS))
        return true
    end
    return false
end

local function backoff_ms(refusals)
    local growth = (refusals - FAST_REFUSALS) / (SLOW_REFUSALS - FAST_REFUSALS)
    return PACE_MS_MIN + (PACE_MS_MAX - PACE_MS_MIN) * math.min(math.max(growth, 0), 1)
end

-- Each refusal is paid for with REFUSAL_MS. The first one of requests that were out together slows the
-- queue down; the others make the pause longer, up to PACE_MS_MAX from now. With a turnover there is no
-- pause: admit.lua makes the rate smaller until the refusals are paid for.
local function slow_down(begun_ms, retry_after_ms, is_full)
    local known = redis.call('HMGET', pace, 'next_ms', 'refusals', 'slowed_ms', 'owed_ms', 'started')
    local pause_end_ms, refusals = tonumber(known[1] or 0), tonumber(known[2] or 0)
    local slowed_ms, started = tonumber(known[3]), tonumber(known[5] or 0)
    local is_first = not slowed_ms or begun_ms > slowed_ms or slowed_ms > now
    if is_full then
        measure_refusal(begun_ms)
    else
        forget_turnover()
    end
    local turnover = tonumber(redis.call('HGET', pace, 'turnover') or 0)
    local owed_ms = math.min(math.max(tonumber(known[4] or 0), now) + REFUSAL_MS, now + OWED_MS_MAX)
    if is_first then
        redis.call('HSET', pace, 'width', 1, 'refusals', refusals + 1, 'slowed_ms', now_text, 'started', 0)
        if started >= FILLED_MIN then
            redis.call('HSET', pace, 'filled', started)
        end
        pause_end_ms = is_turning(turnover) and 0 or now + backoff_ms(refusals)
        local told_ms = is_full and told_pause_ms(begun_ms, refusals, PACE_MS_MIN, PACE_MS_MAX) or 0
        pause_end_ms = told_ms > 0 and math.max(pause_end_ms, now + told_ms) or pause_end_ms
        redis.call('HDEL', pace, 'credited')
    end
    if not is_turning(turnover) then
        pause_end_ms = math.max(pause_end_ms, math.min(owed_ms - REFUSAL_MS + PACE_MS_MIN, now + PACE_MS_MAX))
    end
    if retry_after_ms > 0 then
        pause_end_ms = is_first and now + retry_after_ms or math.max(pause_end_ms, now + retry_after_ms)
    end
    -- Nobody asks during the pause, so nobody is refused: that does not show that there is more room.
    redis.call('HSET', pace, 'owed_ms', text(owed_ms), 'next_ms', text(pause_end_ms), 'refused_ms',
        text(math.max(now, pause_end_ms - PACE_MS_MAX)), 'refusal_ms', text(math.max(now - begun_ms, 0)))
    redis.call('EXPIRE', pace, PACE_KEPT_S)
end

-- A request failed (5xx, no connection). Others may succeed, so the queue slows down only after
-- FAILURES_MAX in a row.
local function fail_in_line(begun_ms, retry_after_ms)
    redis.call('HSET', pace, 'failed', call_id)
    if redis.call('HINCRBY', pace, 'failures', 1) >= FAILURES_MAX or retry_after_ms > 0 then
        slow_down(begun_ms, retry_after_ms, false)
    end
    if tonumber(redis.call('HGET', pace, 'failures')) >= FAILURES_MAX then
        note_down()
    end
end

-- Why the agent's calls wait, for people.
local function note_answer_in_pace(http_status, err)
    redis.call('HSET', pace, 'status', http_status, 'error', err)
end

-- Any answer, a refusal too.
local function note_contact()
    redis.call('SET', last_answer, now_text .. ' ' .. consumer, 'EX', PACE_KEPT_S)
end

-- How long ago, in ms, the agent answered a worker other than this one; nil: not of late.
local function contact_of_others()
    local at_ms, worker = (redis.call('GET', last_answer) or ''):match('^(%d+) (.*)$')
    local ago_ms = at_ms and worker ~= consumer and now - at_ms
    return ago_ms and ago_ms >= 0 and ago_ms or nil -- else Redis' clock was set back
end

local function note_answer(latency_ms)
    redis.call('XADD', answers, 'MAXLEN', ANSWERS_MAX, '*', 'latency_ms', latency_ms)
    redis.call('EXPIRE', answers, PACE_KEPT_S)
end

-- A call was started: two more may ask at once, unless the turnover says when. The pace ends when
-- nobody waits or asks, and no route is rejecting (rejecting.lua).
local function speed_up(begun_ms)
    local known = redis.call('HMGET', pace, 'slowed_ms', 'turnover')
    local slowed_ms = tonumber(known[1])
    if not slowed_ms then
        return
    end
    redis.call('HSET', pace, 'failures', 0)
    redis.call('HINCRBY', pace, 'started', 1)
    redis.call('HDEL', pace, 'down_ms', 'down_probe_ms')
    measure_start(begun_ms)
    local was_told = note_told_start()
    if begun_ms <= slowed_ms and slowed_ms <= now then
        return
    end
    if redis.call('ZCARD', line) == 0 and redis.call('ZCARD', admitted) == 0 and
        redis.call('EXISTS', prefix .. KEY_REJECTING .. agent) == 0 then
        redis.call('DEL', pace)
    elseif not was_told then
        redis.call('HINCRBY', pace, 'width', 1)
        redis.call('HSET', pace, 'refusals', 0)
        if not is_turning(tonumber(known[2] or 0)) then
            redis.call('HSET', pace, 'next_ms', 0)
        end
    end
end
