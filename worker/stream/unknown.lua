-- Looks after the entries that were put aside because of their version (consumer `unknown`): takes
-- those of a version that this worker knows, and gives up those whose hold is long over, whole.
-- Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 most entries to take  3 the version this worker knows  4 age in ms at which an
--       entry is given up  5 error for those  6 start of the search (an entry id)
--       7 most entries to look at
-- Returns {how many were taken, how many were given up, start of the next search}.
local consumer, most = ARGV[1], tonumber(ARGV[2])
local audit, counts, calls = prefix .. KEY_AUDIT, prefix .. KEY_COUNTS, prefix .. KEY_CALL

local function record_event(event, call_id, entry, reason, err)
    local id = redis.call('XADD', audit, '*', 'call_id', call_id, 'entry', entry, 'event', event,
        'attempt', '0', 'worker', consumer, 'at_ms', now_text, 'agent', '', 'reason', reason,
        'error', err)
    redis.call('HSET', calls .. call_id, 'event:' .. id, '')
end

-- As finish.lua does it for a call that is `invalid`.
local function give_up(entry, fields)
    local call_id, sha256 = name_of(entry, field(fields, 'call_id')), field(fields, 'sha256')
    local kind, received_ms = field(fields, 'kind'), field(fields, 'received_ms')
    local owner = redis.call('HMGET', calls .. call_id, 'entry', 'sha256')
    if owner[1] and owner[1] ~= entry then
        record_event('duplicate', call_id, entry, owner[2] ~= sha256 and 'conflict' or '', '')
        redis.call('HINCRBY', counts, 'duplicate', 1)
        add_to_index(entry, '', '', '', 'duplicate', '')
    else
        for _, word in ipairs({ 'reason', 'invalid', 'error', ARGV[5] }) do
            fields[#fields + 1] = word
        end
        redis.call('XADD', prefix .. KEY_DEAD, '*', unpack(fields))
        record_event('dead', call_id, entry, 'invalid', ARGV[5])
        redis.call('HINCRBY', counts, 'dead:invalid', 1)
        redis.call('HINCRBY', counts, 'dead', 1)
        redis.call('HSET', calls .. call_id, 'state', 'dead', 'reason', 'invalid', 'error', ARGV[5],
            'kind', kind or '', 'entry', entry, 'from', '', 'to', '', 'agent', '',
            'worker', consumer, 'attempts', 0, 'received_ms', received_ms or '',
            'sha256', sha256 or '', 'updated_ms', now_text)
        add_to_index(entry, '', '', '', 'dead', 'invalid')
    end
    redis.call('XACK', KEYS[1], 'workers', entry)
end

local taken, given_up, from = 0, 0, ARGV[6]
if redis.call('EXISTS', KEYS[1]) == 0 then
    return { 0, 0, '-' }
end
local rows = redis.call('XPENDING', KEYS[1], 'workers', from, '+', ARGV[7], 'unknown')
for _, row in ipairs(rows) do
    local entry = row[1]
    local fields = row_of(entry)[2]
    -- The worker that reads a deleted one logs its loss.
    if not fields or field(fields, 'v') == ARGV[3] then
        if taken < most then
            give_to(consumer, entry)
            taken = taken + 1
        end
    elseif tonumber(entry:match('^%d+')) + tonumber(ARGV[4]) < now then
        give_up(entry, fields)
        given_up = given_up + 1
    end
    from = '(' .. entry
end
return { taken, given_up, #rows == tonumber(ARGV[7]) and from or '-' }
