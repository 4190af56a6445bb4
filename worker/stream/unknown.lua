-- Looks after the entries that were put aside because of their version (consumer `unknown`): takes
-- those of a version that this worker knows, and gives up those whose hold is long over, whole.
-- Follows ending.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 most entries to take  2 consumer  3 the versions this worker knows, by blanks  4 age in
--       ms at which an entry is given up  5 error for those  6 start of the search (an entry id)
--       7 most entries to look at
-- Returns {how many were taken, how many were given up, start of the next search}.
local most = tonumber(ARGV[1])
local known = {}
for version in ARGV[3]:gmatch('%S+') do
    known[version] = true
end

-- A call that no worker could read is `invalid`.
local function give_up(id, fields)
    entry, call_id = id, name_of(id, field(fields, 'call_id'))
    kind, from, to, agent = field(fields, 'kind') or '', '', '', ''
    received_ms, sha256 = field(fields, 'received_ms') or '', field(fields, 'sha256') or ''
    call_key = prefix .. KEY_CALL .. call_id
    local owner = redis.call('HMGET', call_key, 'entry', 'sha256', 'state')
    if owner[1] and owner[1] ~= entry then
        end_as_duplicate(owner[2])
    elseif owner[3] == 'dead' or owner[3] == 'started' then
        acknowledge_ended() -- cancelled before any worker had read it
    else
        end_call('dead', 'invalid', ARGV[5], '0', { 'error', ARGV[5], 'kind', kind, 'entry', entry,
            'from', from, 'to', to, 'agent', agent, 'worker', consumer, 'attempts', 0,
            'received_ms', received_ms, 'sha256', sha256, 'updated_ms', now_text }, '')
    end
end

local taken, given_up, start = 0, 0, ARGV[6]
if redis.call('EXISTS', KEYS[1]) == 0 then
    return { 0, 0, '-' }
end
local rows = redis.call('XPENDING', KEYS[1], 'workers', start, '+', ARGV[7], 'unknown')
for _, row in ipairs(rows) do
    local id = row[1]
    local fields = row_of(id)[2]
    -- The worker that reads a deleted one logs its loss.
    if not fields or known[field(fields, 'v') or ''] then
        if taken < most then
            give_to(consumer, id)
            taken = taken + 1
        end
    elseif tonumber(id:match('^%d+')) + tonumber(ARGV[4]) < now then
        give_up(id, fields)
        given_up = given_up + 1
    end
    start = '(' .. id
end
return { taken, given_up, #rows == tonumber(ARGV[7]) and start or '-' }
