-- After each POST, and for a call that ends without one, in one step: the attempt's event, the
-- call as it now stands, the agent's line and its pace, the counters, and for a final outcome the
-- dead letter and, last, the acknowledgement. Behind stream.lua and call.lua.
--
-- ARGV  12 outcome (started, dead, line, again)  13 reason  14 error  15 attempt (0: no POST)
--       16 http_status  17 latency_ms  18 request  19 response  20 session_id  21 room_url
--       22 failures in a row, this one included  23 how long the agent asks to be left alone, in ms
--       (0: it does not say)  24 1: the agent's calls stand in line from now on
--       25 of `again`: how long, in ms, this call does not ask
-- Answers lost, duplicate or recorded. Sent again, it changes nothing and answers recorded or lost.
local outcome, reason, err = ARGV[12], ARGV[13], ARGV[14]
local attempt = tonumber(ARGV[15])

local function record_attempt(...)
    return record_event('attempt', ARGV[15], consumer, '', err, 'http_status', ARGV[16],
        'latency_ms', ARGV[17], 'request', ARGV[18], 'response', ARGV[19], ...)
end

local call = redis.call('HMGET', KEYS[2], 'entry', 'worker', 'attempts', 'answered', 'sha256',
    'updated_ms', 'waiting_ms', 'asked_ms', 'state')
local is_answered = call[1] == entry and attempt <= tonumber(call[4] or 0)
-- Claimed by another who has not begun: what became of the request is known all the same.
local is_known = outcome == 'started' and call[1] == entry and call[2] == consumer and
    not is_answered and tonumber(call[3]) == attempt
local owner = owner_of(entry)
if owner ~= consumer and not (owner and is_known) then
    if attempt > 0 and is_answered and call[2] == consumer then
        return 'recorded' -- by this very step, whose answer was lost
    end
    local event = attempt > 0 and record_attempt('late', '1')
    if event and call[1] then -- else the call is no longer kept
        redis.call('HSET', KEYS[2], event, '')
        if call[1] == entry and call[2] == consumer then
            redis.call('HSET', KEYS[2], 'answered', ARGV[15])
        end
    end
    return 'lost'
end
if attempt > 0 and is_answered then
    return 'recorded'
end
if call[1] and call[1] ~= entry then
    -- Another entry has this call: this one ended, expired for instance, before it ever began.
    end_as_duplicate(call[5])
    return 'duplicate'
end

if call[9] == 'started' or call[9] == 'dead' then -- and the entry came again: the group was lost
    redis.call('XACK', KEYS[1], 'workers', entry)
    return 'recorded'
end

local fields = { 'reason', reason, 'error', err, 'http_status', ARGV[16], 'failures', ARGV[22],
    'updated_ms', now_text }
local function set(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
end
if call[2] ~= consumer then -- else begin.lua has said it, and nothing of it has changed
    for i, name in ipairs({ 'entry', 'worker', 'call_id', 'kind', 'from', 'to', 'agent', 'received_ms',
        'sha256' }) do
        if name ~= 'call_id' then
            set(name, ARGV[i])
        end
    end
end
local begun_ms = now
if attempt > 0 then
    set(record_attempt(), '')
    set('answered', ARGV[15])
    set('deaths', '0')
    begun_ms = tonumber(call[6] or now)
elseif not call[3] then
    set('attempts', '0')
elseif tonumber(call[3]) > tonumber(call[4] or 0) then
    set(record_unknown(call[3], call[2]), '')
    set('answered', call[3])
end
if call[7] or (call[8] and call[8] ~= '') then
    leave_line()
end

if outcome == 'started' or outcome == 'dead' then
    set('state', outcome)
    if outcome == 'started' then
        set('started_ms', now_text)
        set('session_id', ARGV[20])
        set('room_url', ARGV[21])
        speed_up(begun_ms)
    else
        local copy = row_of(entry)[2] or {}
        copy[#copy + 1] = 'reason'
        copy[#copy + 1] = reason
        copy[#copy + 1] = 'error'
        copy[#copy + 1] = err
        redis.call('XADD', KEYS[5], '*', unpack(copy))
        redis.call('HINCRBY', KEYS[4], 'dead:' .. reason, 1)
    end
    set(record_event(outcome, ARGV[15], consumer, reason, err), '')
    redis.call('HINCRBY', KEYS[4], outcome, 1)
    redis.call('HSET', KEYS[2], unpack(fields))
    add_to_index(entry, ARGV[5], ARGV[6], agent, outcome, reason)
    redis.call('XACK', KEYS[1], 'workers', entry)
    return 'recorded'
end

set('state', 'waiting')
set('again_ms', text(now + tonumber(ARGV[25])))
redis.call('HSET', KEYS[2], unpack(fields))
local has_line = redis.call('EXISTS', KEYS[7]) == 1
if outcome == 'line' or ARGV[24] == '1' then
    slow_down(begun_ms, tonumber(ARGV[23]))
elseif has_line then
    fail_in_line(begun_ms, tonumber(ARGV[23]))
end
if outcome == 'line' then
    enter_line(call[7], attempt, reason, err)
end
return 'recorded'
