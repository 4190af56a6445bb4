-- An event of a call, as every script writes it. Follows prelude.lua.
--
-- Returns the event's name, a field of the call's hash: nobody has to search for a call's events among
-- all others. Further arguments are further fields and their values.
local function write_event(stream, call_id, entry, event, attempt, worker, agent, reason, err, ...)
    return 'event:' .. redis.call('XADD', stream, '*', 'call_id', call_id, 'entry', entry,
        'event', event, 'attempt', attempt, 'worker', worker, 'at_ms', now_text, 'agent', agent,
        'reason', reason, 'error', err, ...)
end
