-- What begin.lua and finish.lua share; it stands in front of each, behind stream.lua.
--
-- KEYS  1 webhooks  2 call:<call_id>  3 audit  4 counts  5 dead
--       6 line:<agent>  7 pace:<agent>  8 asking:<agent>  9 lines  10 holds
-- ARGV  1 entry  2 consumer  3 call_id  4 kind  5 from  6 to  7 agent  8 received_ms
--       9 sha256 of the body  10 place in the line (a score)  11 end of the hold, in ms
--
-- An agent's line: `line` holds the calls that wait, by place; `asking` the entries whose request
-- may be out, by when they were let ask (ask.lua); `pace` how many may ask together (`width`), when
-- the next may (`next_ms`), refusals and failures since somebody was let in (`refusals`,
-- `failures`), who failed last (`failed`), and when it was last slowed down (`slowed_ms`). While
-- there is a pace, every call of the agent goes through the line.
-- `lines` names the agents that have a line, `holds` every waiting call by the end of its hold.
local PACE_MS_MIN, PACE_MS_MAX = 250, 2000
local PACE_KEPT_S = 3600
local FAILURES_MAX = 5 -- in a row, of all of an agent's calls

local entry, consumer, call_id, agent = ARGV[1], ARGV[2], ARGV[3], ARGV[7]

-- Answers the event's name, a field of the call's hash: nobody has to look for a call's events among
-- all others.
local function record_event(event, attempt, worker, reason, err, ...)
    return 'event:' .. redis.call('XADD', KEYS[3], '*', 'call_id', call_id, 'entry', entry,
        'event', event, 'attempt', attempt, 'worker', worker, 'at_ms', now_text, 'agent', agent,
        'reason', reason, 'error', err, ...)
end

-- Counted once, also where the group was lost and brings the entry again.
local function end_as_duplicate(sha256)
    if redis.call('HSETNX', KEYS[2], 'duplicate:' .. entry, now_text) == 1 then
        local event = record_event('duplicate', '0', consumer,
            sha256 ~= ARGV[9] and 'conflict' or '', '')
        redis.call('HSET', KEYS[2], event, '')
        redis.call('HINCRBY', KEYS[4], 'duplicate', 1)
        add_to_index(entry, ARGV[5], ARGV[6], agent, 'duplicate', '')
    end
    redis.call('XACK', KEYS[1], 'workers', entry)
end

-- Whoever had the call before died with a request out: nobody knows what became of it.
local function record_unknown(attempts, worker)
    return record_event('attempt', attempts, worker or '', '', 'unknown outcome')
end

local function enter_line(has_waited, attempt, reason, err)
    redis.call('ZADD', KEYS[6], ARGV[10], call_id)
    redis.call('ZADD', KEYS[10], ARGV[11], call_id)
    redis.call('SADD', KEYS[9], agent)
    give_to('line', entry)
    if not has_waited then
        local event = record_event('waiting', attempt, consumer, reason, err)
        redis.call('HSET', KEYS[2], 'waiting_ms', now_text, event, '')
    end
end

local function leave_line()
    redis.call('ZREM', KEYS[6], call_id)
    redis.call('ZREM', KEYS[10], call_id)
    redis.call('ZREM', KEYS[8], entry)
end

-- Of requests that were out together, the first refusal slows the line down; the others say
-- nothing new, except for how long the agent wants to be left alone.
local function slow_down(begun_ms, told_ms)
    local pace = redis.call('HMGET', KEYS[7], 'next_ms', 'refusals', 'slowed_ms')
    local next_ms, refusals = tonumber(pace[1] or 0), tonumber(pace[2] or 0)
    if not pace[3] or begun_ms > tonumber(pace[3]) or tonumber(pace[3]) > now then
        local own_ms = math.min(PACE_MS_MIN * 2 ^ math.min(refusals, 10), PACE_MS_MAX)
        redis.call('HSET', KEYS[7], 'width', 1, 'refusals', refusals + 1, 'slowed_ms', now_text,
            'next_ms', text(now + (told_ms > 0 and told_ms or own_ms)))
    elseif told_ms > 0 and now + told_ms > next_ms then
        redis.call('HSET', KEYS[7], 'next_ms', text(now + told_ms))
    end
    redis.call('EXPIRE', KEYS[7], PACE_KEPT_S)
end

-- A request failed by itself (5xx, no connection): others may fare better, unless all fail.
local function fail_in_line(begun_ms, told_ms)
    redis.call('HSET', KEYS[7], 'failed', call_id)
    if redis.call('HINCRBY', KEYS[7], 'failures', 1) >= FAILURES_MAX or told_ms > 0 then
        slow_down(begun_ms, told_ms)
    end
end

-- Somebody was let in: two more may ask at once. When nobody waits or asks, there is no line.
local function speed_up(begun_ms)
    local slowed_ms = tonumber(redis.call('HGET', KEYS[7], 'slowed_ms'))
    if not slowed_ms then
        return
    end
    redis.call('HSET', KEYS[7], 'failures', 0)
    if begun_ms <= slowed_ms and slowed_ms <= now then
        return
    end
    if redis.call('ZCARD', KEYS[6]) == 0 and redis.call('ZCARD', KEYS[8]) == 0 then
        redis.call('DEL', KEYS[7])
    else
        redis.call('HINCRBY', KEYS[7], 'width', 1)
        redis.call('HSET', KEYS[7], 'refusals', 0, 'next_ms', 0)
    end
end
