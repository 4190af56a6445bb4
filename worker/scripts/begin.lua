-- Before each POST, in one step: is this entry still mine, is it a duplicate, is it finished
-- already, must it wait in line? If none of that, the attempt is counted and the call is
-- `starting`. Behind stream.lua and call.lua.
--
-- ARGV  12 token (the same when this step is sent again)
--       13 how many workers may have died with its request out, before it becomes a `suspect`
--       14 how many make it `deadly`  15 how long, in ms, a request may be out  16 first part of a
--       lease's key
-- Answers {verdict, attempt, failures in a row before it}: lost, duplicate, finished, busy, deadly,
-- line, go, or suspect (with the number of those deaths in place of the failures).

local owner, deliveries = owner_of(entry)
if owner ~= consumer then
    return { 'lost', 0, 0 }
end

local call = redis.call('HMGET', KEYS[2], 'entry', 'state', 'attempts', 'answered', 'token',
    'worker', 'sha256', 'failures', 'deaths', 'waiting_ms', 'asked_ms', 'updated_ms', 'again_ms')
local attempts, answered = tonumber(call[3] or 0), tonumber(call[4] or 0)
local failures, deaths = tonumber(call[8] or 0), tonumber(call[9] or 0)

if call[1] and call[1] ~= entry then
    end_as_duplicate(call[7])
    return { 'duplicate', 0, 0 }
end
if call[2] == 'started' or call[2] == 'dead' then
    redis.call('XACK', KEYS[1], 'workers', entry)
    return { 'finished', attempts, 0 }
end
if deliveries > 1 then -- whoever works on it has survived that
    redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, entry, 'RETRYCOUNT', 1, 'JUSTID')
end
if call[5] == ARGV[12] then
    return { 'go', attempts, failures }
end

-- Whoever has its request out is alive, though the entry came here (a group made again): it will say
-- what became of it.
local is_out = attempts > answered and call[6] and call[6] ~= consumer
if is_out and redis.call('EXISTS', ARGV[16] .. call[6]) == 1 and
    now - tonumber(call[12]) <= tonumber(ARGV[15]) then
    return { 'busy', attempts, failures }
end

-- It was told to wait, and its worker is gone or leaving: whoever has it now waits as well.
if left_until(tonumber(call[13] or 0)) > 0 then
    return { 'busy', attempts, failures }
end

local unknown
if attempts > answered then
    unknown = record_unknown(attempts, call[6])
    answered = attempts
    deaths = deaths + 1
end

local fields = { 'reason', '', 'kind', ARGV[4], 'entry', entry, 'from', ARGV[5], 'to', ARGV[6],
    'agent', agent, 'worker', consumer, 'answered', answered, 'deaths', deaths,
    'received_ms', ARGV[8], 'sha256', ARGV[9], 'updated_ms', now_text, unknown, unknown and '' }
-- Being let ask is good for one request.
local has_line = redis.call('EXISTS', KEYS[7]) == 1
local asked_ms = has_line and redis.call('ZSCORE', KEYS[8], entry)
local may_ask = asked_ms and asked_ms ~= call[11]

local is_deadly = deaths >= tonumber(ARGV[14])
if is_deadly or deaths > tonumber(ARGV[13]) then
    redis.call('HSET', KEYS[2], 'attempts', attempts, unpack(fields))
    return { is_deadly and 'deadly' or 'suspect', attempts, deaths }
end
if has_line and not may_ask then
    redis.call('HSET', KEYS[2], 'state', 'waiting', 'attempts', attempts, unpack(fields))
    enter_line(call[10], attempts, '', '')
    return { 'line', attempts, failures }
end
redis.call('HSET', KEYS[2], 'state', 'starting', 'attempts', attempts + 1,
    'asked_ms', asked_ms or '', 'token', ARGV[12], unpack(fields))
return { 'go', attempts + 1, failures }
