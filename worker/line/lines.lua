-- Looks after all lines: names the agents that have one, and hands the calls whose hold is over to
-- this worker, to be given up. If the entries of the consumer `line` and the waiting calls do
-- not match (a damaged Redis), the entries without a place in a line are handed out too. After
-- prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 most calls to take  3 start of the search for entries without a place
--       (an entry id)
-- Returns {the agents, the entries, start of the next search}.
local SEARCHED_MAX = 200
local consumer, most, from = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local lines, holds = prefix .. KEY_LINES, prefix .. KEY_HOLDS
local entries = {}

local function take(entry)
    give_to(consumer, entry)
    entries[#entries + 1] = handed(entry, 0)
end

local over = redis.call('ZRANGE', holds, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, most)
for _, call_id in ipairs(over) do
    local call = redis.call('HMGET', prefix .. KEY_CALL .. call_id, 'entry', 'agent')
    redis.call('ZREM', holds, call_id)
    redis.call('ZREM', prefix .. KEY_MOVES, call_id)
    if call[1] then
        redis.call('ZREM', prefix .. KEY_LINE .. call[2], call_id)
        if owner_of(call[1]) == 'line' then
            take(call[1])
        end
    end
end

local rows = {}
if count_of('line') > redis.call('ZCARD', holds) then
    rows = redis.call('XPENDING', KEYS[1], 'workers', from, '+', SEARCHED_MAX, 'line')
end
for _, row in ipairs(rows) do
    local call_id = field(row_of(row[1])[2] or {}, 'call_id')
    if #entries < most and not (call_id and redis.call('ZSCORE', holds, call_id)) then
        take(row[1])
    end
    from = '(' .. row[1]
end
return { redis.call('SMEMBERS', lines), entries, #rows == SEARCHED_MAX and from or '-' }
