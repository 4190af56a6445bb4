-- How a call ends: the only place that writes a final outcome. Follows callback.lua.
--
-- An operator may cancel a call before any worker has read its entry (cancel.lua). Nobody can acknowledge
-- such an entry: it is counted in `ended_unread` of `counts`, and its call has the field `unread`, until
-- a worker has read it.

-- The entry came to a worker, and its call has ended already.
local function acknowledge_ended()
    if redis.call('HDEL', call_key, 'unread') == 1 then
        redis.call('HINCRBY', counts, 'ended_unread', '-1')
    end
    redis.call('XACK', KEYS[1], 'workers', entry)
end

-- Of all calls so far: by this a worker sees that Redis came back with less than it had.
local function ended_count()
    local known = redis.call('HMGET', counts, 'started', 'dead', 'duplicate')
    return text((known[1] or 0) + (known[2] or 0) + (known[3] or 0))
end

-- Counted once, even if the group was lost and brings the entry again.
local function end_as_duplicate(known_sha256)
    if redis.call('HSETNX', call_key, 'duplicate:' .. entry, now_text) == 1 then
        local event = record_event('duplicate', '0', consumer,
            known_sha256 ~= sha256 and 'conflict' or '', '')
        redis.call('HSET', call_key, event, '')
        redis.call('HINCRBY', counts, 'duplicate', '1')
        add_to_index(entry, from, to, agent, route, 'duplicate', '')
    end
    redis.call('XACK', KEYS[1], 'workers', entry)
end

-- The call is `started` or `dead`: its event, for a dead one the dead letter, the counters, its hash with
-- `fields` beside, the index and, last, the acknowledgement. `callback`: what queue_callback wants, or an
-- empty text. Further arguments are fields of the event.
local function end_call(state, reason, err, attempt, fields, callback, ...)
    local extra = { ... }
    local function set(name, value)
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    set('state', state)
    if state == 'dead' then
        set('reason', reason)
        local copy = row_of(entry)[2] or {}
        for _, word in ipairs({ 'reason', reason, 'error', err }) do
            copy[#copy + 1] = word
        end
        set('letter', redis.call('XADD', dead, '*', unpack(copy)))
        redis.call('HINCRBY', counts, count_of_death(reason), '1')
    end
    if is_callback() then
        end_callback()
    end
    local called_back = reason == 'expired' and callback ~= '' and queue_callback(callback)
    if called_back then
        set('callback', called_back)
        extra[#extra + 1] = 'callback'
        extra[#extra + 1] = called_back
    end
    set(record_event(state, attempt, consumer, reason, err, unpack(extra)), '')
    redis.call('HINCRBY', counts, state, '1')
    redis.call('HSET', call_key, unpack(fields))
    add_to_index(entry, from, to, agent, route, state, reason)
    if was_looked_up then
        redis.call('DEL', prefix .. KEY_LOOKUP .. call_id)
    end
    redis.call('XACK', KEYS[1], 'workers', entry)
end
