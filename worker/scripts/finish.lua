#!lua flags=allow-oom
-- After each POST, and for a call that ends without one, in one step: the attempt's event, the
-- call as it now stands, the counters, and for a final outcome the dead letter and, last, the
-- acknowledgement. It runs in a full Redis too: what happened must be recorded.
--
-- KEYS  1 webhooks  2 call:<call_id>  3 audit  4 counts  5 dead  6 line:<agent>
-- ARGV  1 entry  2 consumer  3 call_id  4 outcome (started, dead, line, again)  5 reason  6 error
--       7 attempt (0: no POST)  8 http_status  9 latency_ms  10 request  11 response
--       12 session_id  13 room_url  14 kind  15 from  16 to  17 agent  18 received_ms
--       19 sha256  20 place in the line (a score)
-- Answers lost, duplicate or recorded. Sent again, it changes nothing and answers recorded or lost.
local entry, consumer, call_id = ARGV[1], ARGV[2], ARGV[3]
local outcome, reason, err = ARGV[4], ARGV[5], ARGV[6]
local attempt = tonumber(ARGV[7])

local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local function record_event(event, ...)
    redis.call('XADD', KEYS[3], '*', 'call_id', call_id, 'entry', entry, 'event', event,
        'attempt', attempt, 'worker', consumer, 'at_ms', now_ms, 'agent', ARGV[17], ...)
end
local function record_attempt(...)
    record_event('attempt', 'reason', '', 'error', err, 'http_status', ARGV[8],
        'latency_ms', ARGV[9], 'request', ARGV[10], 'response', ARGV[11], ...)
end

local call = redis.call('HMGET', KEYS[2], 'entry', 'worker', 'attempts', 'answered',
    'sha256')
local is_answered = call[1] == entry and attempt <= tonumber(call[4] or 0)
local pending = redis.call('XPENDING', KEYS[1], 'workers', entry, entry, 1)[1]
if not pending or pending[2] ~= consumer then
    if attempt > 0 and is_answered and call[2] == consumer then
        return 'recorded' -- by this very step, whose answer was lost
    end
    if attempt > 0 then
        record_attempt('late', '1')
        if call[1] == entry and call[2] == consumer then
            redis.call('HSET', KEYS[2], 'answered', attempt)
        end
    end
    return 'lost'
end
if attempt > 0 and is_answered then
    return 'recorded'
end
if call[1] and call[1] ~= entry then
    -- Another entry has this call: this one ended, expired for instance, before it ever began.
    record_event('duplicate', 'reason', call[5] ~= ARGV[19] and 'conflict' or '', 'error', '')
    redis.call('HINCRBY', KEYS[4], 'duplicate', 1)
    redis.call('XACK', KEYS[1], 'workers', entry)
    return 'duplicate'
end

if attempt > 0 then
    record_attempt()
end
local fields = { 'kind', ARGV[14], 'entry', entry, 'from', ARGV[15], 'to', ARGV[16],
    'agent', ARGV[17], 'worker', consumer, 'received_ms', ARGV[18], 'sha256', ARGV[19],
    'reason', reason, 'error', err, 'http_status', ARGV[8], 'updated_ms', now_ms }
local function set(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
end
if attempt > 0 then
    set('answered', attempt)
elseif not call[3] then
    set('attempts', 0)
end

if outcome == 'started' or outcome == 'dead' then
    set('state', outcome)
    if outcome == 'started' then
        set('started_ms', now_ms)
        set('session_id', ARGV[12])
        set('room_url', ARGV[13])
    else
        local letter = redis.call('XRANGE', KEYS[1], entry, entry)[1]
        local copy = letter and letter[2] or {}
        copy[#copy + 1] = 'reason'
        copy[#copy + 1] = reason
        copy[#copy + 1] = 'error'
        copy[#copy + 1] = err
        redis.call('XADD', KEYS[5], '*', unpack(copy))
        redis.call('HINCRBY', KEYS[4], 'dead:' .. reason, 1)
    end
    record_event(outcome, 'reason', reason, 'error', err)
    redis.call('HINCRBY', KEYS[4], outcome, 1)
    redis.call('ZREM', KEYS[6], call_id)
    redis.call('HSET', KEYS[2], unpack(fields))
    redis.call('XACK', KEYS[1], 'workers', entry)
    return 'recorded'
end

set('state', 'waiting')
if outcome == 'line' and redis.call('ZADD', KEYS[6], ARGV[20], call_id) == 1 then
    record_event('waiting', 'reason', reason, 'error', err)
end
redis.call('HSET', KEYS[2], unpack(fields))
return 'recorded'
