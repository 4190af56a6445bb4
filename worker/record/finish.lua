-- After each POST, and for a call that ends without one, in one step: the attempt's event, the
-- call as it now stands, the agent's line and its pace, the counters, and for a final outcome the
-- dead letter and, last, the acknowledgement. Appended to prelude.lua and call.lua.
--
-- ARGV  3 the first call, with
--       outcome (started, dead, line, again), reason, error, attempt (0: no POST), http_status,
--       latency_ms, request, response, session_id, room_url, failures in a row (this one included),
--       how long the agent asks to be left alone, in ms (0: it does not say), 1 where the agent's
--       calls stand in line from now on, and of `again` how long, in ms, this call does not ask
-- A verdict: lost, duplicate or recorded. Sent again, it changes nothing: recorded or lost.
local function finish(outcome, reason, err, attempt_text, http_status, latency_ms, request, response,
    session_id, room_url, failures, told_ms, lines_up, again_after_ms)
    local attempt = tonumber(attempt_text)

    local function record_attempt(...)
        return record_event('attempt', attempt_text, consumer, '', err, 'http_status', http_status,
            'latency_ms', latency_ms, 'request', request, 'response', response, ...)
    end

    local call = redis.call('HMGET', call_key, 'entry', 'worker', 'attempts', 'answered', 'sha256',
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
            redis.call('HSET', call_key, event, '')
            if call[1] == entry and call[2] == consumer then
                redis.call('HSET', call_key, 'answered', attempt_text)
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

    local fields = { 'error', err, 'http_status', http_status, 'updated_ms', now_text }
    local function set(name, value)
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    if call[2] ~= consumer then -- else begin.lua has said it, and nothing of it has changed
        for _, word in ipairs({ 'entry', entry, 'worker', consumer, 'kind', kind, 'from', from, 'to', to,
            'agent', agent, 'received_ms', received_ms, 'sha256', sha256, 'reason', '' }) do
            fields[#fields + 1] = word
        end
    end
    local begun_ms = now
    if attempt > 0 then
        set(record_attempt(), '')
        set('answered', attempt_text)
        begun_ms = tonumber(call[6] or now)
        if attempt > 1 then
            set('deaths', '0')
        end
        if attempt > 1 or failures ~= '0' then
            set('failures', failures)
        end
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
            set('session_id', session_id)
            set('room_url', room_url)
            speed_up(begun_ms)
        else
            set('reason', reason)
            local copy = row_of(entry)[2] or {}
            copy[#copy + 1] = 'reason'
            copy[#copy + 1] = reason
            copy[#copy + 1] = 'error'
            copy[#copy + 1] = err
            redis.call('XADD', dead, '*', unpack(copy))
            redis.call('HINCRBY', counts, 'dead:' .. reason, '1')
        end
        set(record_event(outcome, attempt_text, consumer, reason, err), '')
        redis.call('HINCRBY', counts, outcome, '1')
        redis.call('HSET', call_key, unpack(fields))
        add_to_index(entry, from, to, agent, outcome, reason)
        redis.call('XACK', KEYS[1], 'workers', entry)
        return 'recorded'
    end

    set('state', 'waiting')
    set('again_ms', text(now + tonumber(again_after_ms)))
    redis.call('HSET', call_key, unpack(fields))
    local has_line = redis.call('EXISTS', pace) == 1
    if outcome == 'line' or lines_up == '1' then
        slow_down(begun_ms, tonumber(told_ms))
    elseif has_line then
        fail_in_line(begun_ms, tonumber(told_ms))
    end
    if outcome == 'line' then
        enter_line(call[7], attempt, reason, err)
    end
    return 'recorded'
end

return for_each_call(3, finish)
