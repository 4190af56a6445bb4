-- Looks after all lines: names the agents that have one, and hands the calls whose hold is over to
-- this worker, to be given up. Where the entries of the consumer `line` and the calls that wait do
-- not match (a damaged Redis), the entries without a place in a line are handed out too.
--
-- KEYS  1 webhooks  2 lines  3 holds
-- ARGV  1 consumer  2 most calls to take  3 prefix of all keys  4 where the search for entries
--       without a place goes on (an entry id)
-- Answers {the agents, the entries, where the search goes on}.
local SEARCHED_MAX = 200
local consumer, most, prefix, from = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local entries = {}

local function take(entry)
    redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, entry, 'JUSTID')
    entries[#entries + 1] = redis.call('XRANGE', KEYS[1], entry, entry)[1] or { entry, false }
end

for _, call_id in ipairs(redis.call('ZRANGE', KEYS[3], '-inf', now_ms, 'BYSCORE', 'LIMIT', 0, most)) do
    local call = redis.call('HMGET', prefix .. ':call:' .. call_id, 'entry', 'agent')
    redis.call('ZREM', KEYS[3], call_id)
    if call[1] then
        redis.call('ZREM', prefix .. ':line:' .. call[2], call_id)
        local row = redis.call('XPENDING', KEYS[1], 'workers', call[1], call[1], 1)[1]
        if row and row[2] == 'line' then
            take(call[1])
        end
    end
end

local in_line = 0
for _, owner in ipairs(redis.call('XPENDING', KEYS[1], 'workers')[4] or {}) do
    in_line = owner[1] == 'line' and tonumber(owner[2]) or in_line
end
local searched = 0
if in_line > redis.call('ZCARD', KEYS[3]) then
    for _, row in ipairs(redis.call('XPENDING', KEYS[1], 'workers', from, '+', SEARCHED_MAX, 'line')) do
        local found = redis.call('XRANGE', KEYS[1], row[1], row[1])[1]
        local call_id
        for i = 1, found and #found[2] or 0, 2 do
            call_id = found[2][i] == 'call_id' and found[2][i + 1] or call_id
        end
        if #entries < most and not (call_id and redis.call('ZSCORE', KEYS[3], call_id)) then
            take(row[1])
        end
        searched = searched + 1
        from = '(' .. row[1]
    end
end
return { redis.call('SMEMBERS', KEYS[2]), entries, searched == SEARCHED_MAX and from or '-' }
