#!lua
-- Before each POST, in one step: is this entry still mine, is it a duplicate, is it finished
-- already? If none of that, the attempt is counted and the call is `starting`.
--
-- KEYS  1 webhooks  2 call:<call_id>  3 audit  4 counts
-- ARGV  1 entry  2 consumer  3 call_id  4 token (the same when this step is sent again)
--       5 kind  6 from  7 to  8 agent  9 received_ms  10 sha256 of the body
-- Answers {verdict, attempt}: lost, duplicate, finished, or go.
local entry, consumer, call_id, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local function record_event(event, ...)
    redis.call('XADD', KEYS[3], '*', 'call_id', call_id, 'entry', entry, 'event', event,
        'at_ms', now_ms, 'agent', ARGV[8], ...)
end

local pending = redis.call('XPENDING', KEYS[1], 'workers', entry, entry, 1)[1]
if not pending or pending[2] ~= consumer then
    return { 'lost', 0 }
end

local call = redis.call('HMGET', KEYS[2], 'entry', 'state', 'attempts', 'answered', 'token',
    'worker', 'sha256')
local attempts, answered = tonumber(call[3] or 0), tonumber(call[4] or 0)

if call[1] and call[1] ~= entry then
    local reason = call[7] ~= ARGV[10] and 'conflict' or ''
    record_event('duplicate', 'attempt', '0', 'worker', consumer, 'reason', reason, 'error', '')
    redis.call('HINCRBY', KEYS[4], 'duplicate', 1)
    redis.call('XACK', KEYS[1], 'workers', entry)
    return { 'duplicate', 0 }
end
if call[2] == 'started' or call[2] == 'dead' then
    redis.call('XACK', KEYS[1], 'workers', entry)
    return { 'finished', attempts }
end
if call[5] == token then
    return { 'go', attempts }
end

-- Whoever had the call before died with a request out: nobody knows what became of it.
if attempts > answered then
    record_event('attempt', 'attempt', attempts, 'worker', call[6] or '', 'reason', '',
        'error', 'unknown outcome')
end
redis.call('HSET', KEYS[2], 'state', 'starting', 'reason', '', 'kind', ARGV[5], 'entry', entry,
    'from', ARGV[6], 'to', ARGV[7], 'agent', ARGV[8], 'worker', consumer,
    'attempts', attempts + 1, 'answered', attempts, 'token', token,
    'received_ms', ARGV[9], 'sha256', ARGV[10], 'updated_ms', now_ms)
return { 'go', attempts + 1 }
