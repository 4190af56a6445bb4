-- Cancels a call that is `queued` or `waiting`, in one step: it is dead, `cancelled`, and nobody asks for
-- a bot any more. A worker that has its entry in memory sees in begin.lua that the entry is not its own
-- any more; one that reads it later, that the call has ended. Follows leaving.lua.
--
-- ARGV  3 the error, for people  4 the digits of the caller's number; then the call as call.lua has it, by what is known without its hash
-- Returns, for the call, its state, and `cancelled` if it is done. A state that is not a call's: `other`
-- (the entry is a duplicate), `gone` (nobody has to finish this entry any more).

-- No worker has read it yet.
local function is_unread()
    local workers = group()
    return #redis.call('XRANGE', KEYS[1], entry, entry) > 0 and
        (not workers or sort_key(entry) > sort_key(field(workers, 'last-delivered-id')))
end

local function cancel()
    local call = redis.call('HMGET', call_key, 'entry', 'state', 'attempts', 'answered', 'agent', 'route',
        'from', 'to', 'looked_ms', 'late_ms')
    if call[1] and call[1] ~= entry then
        return 'other'
    end
    local state, attempts = call[2] or 'queued', call[3] or '0'
    if state == 'started' or state == 'dead' then
        return state
    end
    if call[10] then
        return 'started' -- a late answer said that its bot is there
    elseif tonumber(attempts) > tonumber(call[4] or 0) then
        return 'starting' -- a request is out, and may start a bot
    end
    local was_read = owner_of(entry)
    if not was_read and not is_unread() then
        return 'gone'
    end

    agent, route = call[5] or agent, call[6] or route
    from, to = call[7] or from, call[8] or to
    was_looked_up = call[9] and true or false
    leave_everything()
    local fields = { 'error', ARGV[3], 'kind', kind, 'entry', entry, 'from', from, 'to', to, 'agent', agent,
        'attempts', attempts, 'received_ms', received_ms, 'sha256', sha256, 'updated_ms', now_text }
    number = is_callback() and ARGV[4] or '' -- it may be called back again
    end_call('dead', 'cancelled', ARGV[3], attempts, fields, '')
    if not was_read then
        redis.call('HSET', call_key, 'unread', '1')
        redis.call('HINCRBY', counts, 'ended_unread', '1')
    end
    return state .. ' cancelled'
end

return for_each_call(5, cancel)
