-- What begin.lua and finish.lua share; it stands in front of each, behind prelude.lua. Both do their
-- step for every call of a batch, one after the other. An error ends the whole batch, and what it has
-- done by then stays: worker/script/script_batch.c sends such steps again, each alone.
--
-- KEYS  1 webhooks
-- ARGV  1 how many words describe a call  2 consumer, and what else begin.lua needs; then of each
--       call: entry, call_id, kind, from, to, agent, received_ms, sha256 of the body, place in the
--       line (a score), end of the hold in ms; and the words of the step itself
-- Answers an array with the verdict of each, in their order.
--
-- An agent's line: `line` holds the calls that wait, by place; `asking` the entries whose request
-- may be out, by when they were let ask (ask.lua); `pace` how many may ask together (`width`), when
-- the next may (`next_ms`), refusals and failures since somebody was let in (`refusals`,
-- `failures`), who failed last (`failed`), and when it was last slowed down (`slowed_ms`). While
-- there is a pace, every call of the agent goes through the line.
-- A call's hash has no `answered`, `deaths`, `failures` and `asked_ms` while they are 0 or nothing.
-- (Each word of a command costs Redis a quarter of a microsecond, and a number given as one, not as a
-- text, twice that.)
-- `lines` names the agents that have a line, `holds` every waiting call by the end of its hold.
local CALL_ARGS = 10 -- that describe a call: worker/record/record.c
local PACE_MS_MIN, PACE_MS_MAX = 250, 2000
local PACE_KEPT_S = 3600
local FAILURES_MAX = 5 -- in a row, of all of an agent's calls

local consumer = ARGV[2]
local audit, counts, dead = prefix .. KEY_AUDIT, prefix .. KEY_COUNTS, prefix .. KEY_DEAD
local lines, holds = prefix .. KEY_LINES, prefix .. KEY_HOLDS

-- The call at hand, its key, and those of its agent.
local entry, call_id, kind, from, to, agent, received_ms, sha256, score, hold_ms
local call_key, line, pace, asking

local function for_each_call(first, step)
    local width = tonumber(ARGV[1])
    local verdicts = {}
    for i = first, #ARGV, width do
        entry, call_id, kind, from, to, agent, received_ms, sha256, score, hold_ms =
            unpack(ARGV, i, i + CALL_ARGS - 1)
        call_key = prefix .. KEY_CALL .. call_id
        line, pace, asking =
            prefix .. KEY_LINE .. agent, prefix .. KEY_PACE .. agent, prefix .. KEY_ASKING .. agent
        verdicts[#verdicts + 1] = step(unpack(ARGV, i + CALL_ARGS, i + width - 1))
    end
    return verdicts
end

-- Answers the event's name, a field of the call's hash: nobody has to look for a call's events among
-- all others.
local function record_event(event, attempt, worker, reason, err, ...)
    return 'event:' .. redis.call('XADD', audit, '*', 'call_id', call_id, 'entry', entry,
        'event', event, 'attempt', attempt, 'worker', worker, 'at_ms', now_text, 'agent', agent,
        'reason', reason, 'error', err, ...)
end

-- Counted once, also where the group was lost and brings the entry again.
local function end_as_duplicate(known_sha256)
    if redis.call('HSETNX', call_key, 'duplicate:' .. entry, now_text) == 1 then
        local event = record_event('duplicate', '0', consumer,
            known_sha256 ~= sha256 and 'conflict' or '', '')
        redis.call('HSET', call_key, event, '')
        redis.call('HINCRBY', counts, 'duplicate', '1')
        add_to_index(entry, from, to, agent, 'duplicate', '')
    end
    redis.call('XACK', KEYS[1], 'workers', entry)
end

-- Whoever had the call before died with a request out: nobody knows what became of it.
local function record_unknown(attempts, worker)
    return record_event('attempt', attempts, worker or '', '', 'unknown outcome')
end

local function enter_line(has_waited, attempt, reason, err)
    redis.call('ZADD', line, score, call_id)
    redis.call('ZADD', holds, hold_ms, call_id)
    redis.call('SADD', lines, agent)
    give_to('line', entry)
    if not has_waited then
        local event = record_event('waiting', attempt, consumer, reason, err)
        redis.call('HSET', call_key, 'waiting_ms', now_text, event, '')
    end
end

local function leave_line()
    redis.call('ZREM', line, call_id)
    redis.call('ZREM', holds, call_id)
    redis.call('ZREM', asking, entry)
end

-- Of requests that were out together, the first refusal slows the line down; the others say
-- nothing new, except for how long the agent wants to be left alone.
local function slow_down(begun_ms, told_ms)
    local known = redis.call('HMGET', pace, 'next_ms', 'refusals', 'slowed_ms')
    local next_ms, refusals = tonumber(known[1] or 0), tonumber(known[2] or 0)
    local slowed_ms = tonumber(known[3])
    if not slowed_ms or begun_ms > slowed_ms or slowed_ms > now then
        local own_ms = math.min(PACE_MS_MIN * 2 ^ math.min(refusals, 10), PACE_MS_MAX)
        redis.call('HSET', pace, 'width', 1, 'refusals', refusals + 1, 'slowed_ms', now_text,
            'next_ms', text(now + (told_ms > 0 and told_ms or own_ms)))
    elseif told_ms > 0 and now + told_ms > next_ms then
        redis.call('HSET', pace, 'next_ms', text(now + told_ms))
    end
    redis.call('EXPIRE', pace, PACE_KEPT_S)
end

-- A request failed by itself (5xx, no connection): others may fare better, unless all fail.
local function fail_in_line(begun_ms, told_ms)
    redis.call('HSET', pace, 'failed', call_id)
    if redis.call('HINCRBY', pace, 'failures', 1) >= FAILURES_MAX or told_ms > 0 then
        slow_down(begun_ms, told_ms)
    end
end

-- Somebody was let in: two more may ask at once. When nobody waits or asks, there is no line.
local function speed_up(begun_ms)
    local slowed_ms = tonumber(redis.call('HGET', pace, 'slowed_ms'))
    if not slowed_ms then
        return
    end
    redis.call('HSET', pace, 'failures', 0)
    if begun_ms <= slowed_ms and slowed_ms <= now then
        return
    end
    if redis.call('ZCARD', line) == 0 and redis.call('ZCARD', asking) == 0 then
        redis.call('DEL', pace)
    else
        redis.call('HINCRBY', pace, 'width', 1)
        redis.call('HSET', pace, 'refusals', 0, 'next_ms', 0)
    end
end
