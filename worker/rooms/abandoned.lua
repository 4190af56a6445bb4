-- The caller of a trunk's call has hung up while the call waits: it leaves the line, and no bot is started
-- for an empty room. Its id is known by its room (hung_up.lua). A call whose request is out is left alone,
-- and so is one that no worker has begun: their next step finds the event. Follows leaving.lua and room.lua.

-- `event` as join_event has it. Returns the call's agent and the reason if it ended a waiting call.
local function abandon(room, event)
    local _, _, digest = room_keys(room)
    local held_id = redis.call('GET', prefix .. KEY_HELD .. digest)
    if not held_id and not room:match('^[%w_-]+$') then -- no call's id is made of such a name
        return nil
    end
    call_id = held_id or 'trunk-' .. room
    call_key = prefix .. KEY_CALL .. call_id
    local call = redis.call('HMGET', call_key, 'entry', 'state', 'kind', 'attempts', 'answered', 'agent', 'route',
        'from', 'to', 'looked_ms', 'late_ms', 'unanswered')
    if event[2] ~= 'ended' or event[3] ~= 'dialin' or call[2] ~= 'waiting' or call[3] ~= 'trunk' or
        call[11] or -- its bot is there: a late answer said so
        tonumber(call[4] or 0) > tonumber(call[5] or 0) or not owner_of(call[1]) then
        return nil
    end
    entry, kind, agent, route = call[1], call[3], call[6] or '', call[7] or ''
    from, to, was_looked_up, consumer = call[8] or '', call[9] or '', call[10] and true or false, ''
    local reason, sentence = reason_of_hang_up(call[12])
    leave_everything()
    end_call('dead', reason, sentence, call[4] or '0', { 'error', sentence, 'updated_ms', now_text }, '',
        'happened_ms', text(math.min(tonumber(event[4]), now)))
    return agent, reason
end
