-- After each POST, and for a call that ends without one, in one step: the attempt's event, the
-- call as it now stands, the agent's line and its pace, the counters, and for a final outcome the
-- dead letter and, last, the acknowledgement. Follows ending.lua, pace.lua, rejecting.lua, room.lua and
-- hung_up.lua.
--
-- ARGV  3 the names of an outcome's fields, as worker/record/outcome.h lists them, then each call, with
--       these fields; 4 how long, in ms, after its hold a call's request may still be answered
-- A verdict: lost, duplicate or recorded; `unknown`, `served`, `rejected` or `abandoned` if it is recorded as
-- dead for this reason, `started` if a late answer said that its bot is there; `not_yet` and how many ms
-- are left of the hold, or of the time in which a request of this call may be answered; of an outcome
-- `rejected` that is not a death, `line`, or `again` and after how many ms. A call that has ended: also
-- how many have. The verdicts of a rejection end with a 1 if its route is rejecting. `recorded`, of an
-- attempt without an answer that is not an end, comes with how many ms ago the agent answered another
-- worker, and a 1. Sent again, the step changes nothing.
local OWN_FAULT_MS = 1000 -- the agent answered others for so long, while a request did not get out
local FIELDS_COUNT = 23 -- that this script knows: a new one is read here

local grace_ms = tonumber(ARGV[4])

local outcome = {} -- of the call at hand, by name
local field_names = {}
for name in ARGV[3]:gmatch('%S+') do
    field_names[#field_names + 1] = name
end
assert(#field_names == FIELDS_COUNT and tonumber(ARGV[1]) == CALL_ARGS + FIELDS_COUNT,
    'the worker and finish.lua know different fields of an outcome')
setmetatable(outcome, {
    __index = function(_, name)
        error('an outcome has no field ' .. name)
    end,
})

-- A 2xx came after another worker had taken the call over. If the call was closed as dead, it becomes
-- `started` in this step: counters, event and dead letter. If it is still open, its end sees it.
local function start_late(state, reason, letter)
    local fields = { 'session_id', outcome.session_id, 'room_url', outcome.room_url, 'late_ms', now_text }
    if state == 'dead' then
        for _, word in ipairs({ 'state', 'started', 'reason', '', 'error', outcome.error, 'http_status',
            outcome.http_status, 'started_ms', now_text, 'updated_ms', now_text, 'worker', consumer,
            'answered', outcome.attempt,
            record_event('started', outcome.attempt, consumer, '', outcome.error, 'late', '1'), '' }) do
            fields[#fields + 1] = word
        end
        redis.call('HINCRBY', counts, 'dead', '-1')
        redis.call('HINCRBY', counts, count_of_death(reason), '-1')
        redis.call('HINCRBY', counts, 'started', '1')
        add_to_index(entry, from, to, agent, route, 'started', '')
        note_served(number .. ' ' .. outcome.dialled, outcome.served_kept_ms)
        local old = letter and redis.call('XRANGE', dead, letter, letter)[1]
        if old then -- an entry of a stream cannot change: its marked copy takes its place
            local copy = old[2]
            copy[#copy + 1] = 'late'
            copy[#copy + 1] = now_text
            redis.call('XDEL', dead, letter)
            fields[#fields + 1] = 'letter'
            fields[#fields + 1] = redis.call('XADD', dead, '*', unpack(copy))
        end
    end
    redis.call('HSET', call_key, unpack(fields))
    if state == 'dead' then
        enter_room(call_id, kind, agent, outcome.room_url)
    end
end

-- Another worker has begun the call again: has this worker recorded the answer of this attempt before that,
-- and the reply was lost? An attempt of unknown outcome has no request.
local function is_recorded()
    local fields = redis.call('HGETALL', call_key)
    for i = 1, #fields, 2 do
        local id = fields[i]:match('^event:(.*)$')
        local event = id and (redis.call('XRANGE', audit, id, id)[1] or {})[2]
        if event and field(event, 'event') == 'attempt' and field(event, 'attempt') == outcome.attempt and
            field(event, 'worker') == consumer and field(event, 'request') then
            return true
        end
    end
    return false
end

local function finish(...)
    local values = { ... }
    for i, name in ipairs(field_names) do
        outcome[name] = values[i]
    end
    local attempt = tonumber(outcome.attempt)
    number = outcome.number

    local function write_attempt(...)
        return record_event('attempt', outcome.attempt, consumer, '', outcome.error,
            'http_status', outcome.http_status, 'latency_ms', outcome.latency_ms,
            'request', outcome.request, 'response', outcome.response, ...)
    end
    local function record_attempt(...)
        if was_looked_up then
            return write_attempt('definition', outcome.definition, 'lookup', was_looked_up, ...)
        elseif route ~= '' then
            return write_attempt('definition', outcome.definition, ...)
        end
        return write_attempt(...)
    end

    local call = redis.call('HMGET', call_key, 'entry', 'worker', 'attempts', 'answered', 'sha256',
        'updated_ms', 'waiting_ms', 'asked_ms', 'state', 'unanswered', 'late_ms', 'reason', 'letter',
        'rejections', 'looked_ms', 'lookup', 'room')
    was_looked_up = call[15] and (call[16] or '1')
    local is_answered = call[1] == entry and attempt <= tonumber(call[4] or 0)
    -- Another worker has claimed it and not begun: the outcome of the request is known all the same.
    local is_known = outcome.name == 'started' and call[1] == entry and call[2] == consumer and
        not is_answered and tonumber(call[3]) == attempt
    local owner = owner_of(entry)
    -- By this very step, whose reply was lost: the verdict that it had. Something is written again: a
    -- WAIT counts only what its own connection has written.
    local function repeated()
        redis.call('HSET', call_key, 'answered', call[4])
        if call[9] == 'starting' then -- it was late: the group had been made anew, and did not have the entry
            return 'lost'
        elseif call[9] == 'started' and outcome.name ~= 'started' then
            return 'started ' .. ended_count()
        elseif call[9] == 'dead' and call[12] == 'abandoned' then
            return 'abandoned ' .. ended_count()
        elseif outcome.name ~= 'rejected' then
            return 'recorded'
        end
        local flag = is_rejecting() and ' 1' or ' 0'
        if call[9] == 'started' or call[9] == 'dead' then
            return 'rejected 0' .. flag
        end
        local again_ms = tonumber(redis.call('HGET', call_key, 'again_ms') or 0)
        return owner == consumer and 'again ' .. text(left_until(again_ms)) .. flag or 'line 0' .. flag
    end

    -- The call is this worker's again, after another that has died. That one began it anew, and recorded
    -- this attempt as unknown.
    local was_given_up = owner == consumer and attempt > 0 and is_answered and call[2] ~= consumer and
        not is_recorded()
    if was_given_up or owner ~= consumer and not (owner and is_known) then
        if attempt > 0 and is_answered and call[2] == consumer then
            return repeated()
        elseif attempt > 0 and is_answered and is_recorded() then
            return 'lost'
        end
        local event = attempt > 0 and record_attempt('late', '1')
        if event and call[1] then -- else the call is no longer kept
            redis.call('HSET', call_key, event, '')
            if outcome.unanswered == '1' then
                redis.call('HSET', call_key, 'unanswered', '1')
            end
            if call[1] == entry and call[2] == consumer then
                redis.call('HSET', call_key, 'answered', outcome.attempt)
            end
            if outcome.name == 'started' and call[1] == entry and call[9] ~= 'started' then
                start_late(call[9], call[12], call[13])
                if owner == 'line' then -- as if its hold were over: it is handed out, and begin.lua sees the rest
                    redis.call('ZADD', holds, 'XX', now_text, call_id)
                end
                return call[9] == 'dead' and owner ~= consumer and 'recorded' or 'lost'
            end
        end
        return 'lost'
    end
    if attempt > 0 and is_answered then
        return repeated()
    end
    if call[1] and call[1] ~= entry then
        -- Another entry has this call: this one ended, expired for instance, before it ever began.
        end_as_duplicate(call[5])
        return 'duplicate'
    end

    if call[9] == 'started' or call[9] == 'dead' then -- and the entry came again: the group was lost
        acknowledge_ended()
        return 'recorded'
    end

    -- The request of the worker that had the call before may still be answered; or Redis' clock was set
    -- back, and this worker does not know it yet.
    local is_out = tonumber(call[3] or 0) > tonumber(call[4] or 0)
    local left_ms = tonumber(hold_ms) + (is_out and kind ~= 'trunk' and grace_ms or 0) - now
    if attempt == 0 and outcome.reason == 'expired' and left_ms > 0 then
        return 'not_yet ' .. text(left_ms)
    end

    local fields = { 'error', outcome.error, 'http_status', outcome.http_status, 'updated_ms', now_text }
    local function set(name, value)
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    if call[2] ~= consumer then -- else begin.lua has said it, and nothing of it has changed
        for _, word in ipairs({ 'entry', entry, 'worker', consumer, 'kind', kind, 'from', from, 'to', to,
            'agent', agent, 'received_ms', received_ms, 'sha256', sha256, 'reason', '' }) do
            fields[#fields + 1] = word
        end
        if route ~= '' then
            set('route', route)
        end
    end
    local begun_ms = now
    if attempt > 0 then
        set(record_attempt(), '')
        set('answered', outcome.attempt)
        begun_ms = tonumber(call[6] or now)
        if outcome.http_status ~= '' then
            note_contact()
        end
        if outcome.unanswered == '1' then
            set('unanswered', '1')
            call[10] = '1'
        end
        if attempt > 1 then
            set('deaths', '0')
        end
        if attempt > 1 or outcome.failures ~= '0' then
            set('failures', outcome.failures)
        end
    elseif not call[3] then
        set('attempts', '0')
    elseif tonumber(call[3]) > tonumber(call[4] or 0) then
        call[10] = '1'
        set(record_unknown(call[3], call[2]), '')
        set('answered', call[3])
    end
    if call[7] or (call[8] and call[8] ~= '') then
        leave_line()
    end
    if outcome.is_counted == '1' then
        redis.call('ZREM', out, entry)
    end

    local was_rejected = outcome.reason == 'rejected'
    if was_rejected then
        note_rejection()
    end
    if outcome.name == 'rejected' then
        local rejections = tonumber(call[14] or 0) + 1
        outcome.name, outcome.again_after_ms = decide_rejection(rejections)
        if outcome.name ~= 'line' then
            set('rejections', text(rejections))
        end
        outcome.reason = outcome.name == 'dead' and 'rejected' or ''
    end

    local has_line = redis.call('EXISTS', pace) == 1
    local others_ms = outcome.http_status == '' and contact_of_others()
    -- A refusal or a failure slows the agent's calls down.
    local function note_in_pace()
        local is_own_fault = others_ms and now - others_ms > begun_ms + OWN_FAULT_MS
        if outcome.name == 'line' or outcome.lines_up == '1' then
            local is_full = outcome.name == 'line' and outcome.is_down ~= '1' and not was_rejected
            slow_down(begun_ms, tonumber(outcome.retry_after_ms), is_full)
            if is_full then
                note_pool(agent)
                redis.call('HSET', pace, 'failures', 0)
            end
            if outcome.is_down == '1' then
                note_down()
            end
            note_answer_in_pace(outcome.http_status, outcome.error)
        elseif has_line and outcome.agent_failed == '1' and not is_own_fault then
            fail_in_line(begun_ms, tonumber(outcome.retry_after_ms))
            note_answer_in_pace(outcome.http_status, outcome.error)
        end
    end

    local may_wait = outcome.name == 'line' or outcome.name == 'again'
    if may_wait then
        note_in_pace()
    end
    local more, told = {}, nil -- fields of the event of its end
    local hung_up = call[17] and (may_wait or outcome.reason == 'expired' and not call[10]) and hung_up_ms(call[17])
    if outcome.name ~= 'started' and call[11] then -- the answer of an earlier attempt: a bot has started
        outcome.name, outcome.reason, outcome.error, more = 'started', '', '', { 'late', '1' }
        fields[2] = ''
        outcome.session_id, outcome.room_url =
            unpack(redis.call('HMGET', call_key, 'session_id', 'room_url'))
        told = 'started'
    elseif hung_up then
        outcome.name = 'dead'
        outcome.reason, outcome.error = reason_of_hang_up(call[10])
        fields[2], told, more = outcome.error, outcome.reason, { 'happened_ms', text(hung_up) }
    elseif (outcome.reason == 'expired' or outcome.reason == 'served') and call[10] then
        outcome.reason = 'unknown'
        outcome.error = outcome.error .. ', and a request had no answer: a bot may have started'
        fields[2] = outcome.error
    elseif outcome.reason == 'expired' and is_callback() and was_served(number) then
        outcome.reason, outcome.error = 'served', 'its number has been served since'
        fields[2] = outcome.error
    elseif outcome.reason == 'expired' and is_rejecting() then
        outcome.reason = 'rejected'
        outcome.error = outcome.error .. ', and the agent rejected every call until then'
        fields[2] = outcome.error
    end

    if outcome.name == 'started' or outcome.name == 'dead' then
        if outcome.name == 'started' then
            set('started_ms', now_text)
            set('session_id', outcome.session_id)
            set('room_url', outcome.room_url)
            if not told then -- else this step has no answer of the bot's start
                note_answer(outcome.latency_ms)
                speed_up(begun_ms)
            end
            end_rejecting()
            count_start()
            if kind ~= 'dialout' then
                count_waited()
            end
            note_served(number .. ' ' .. outcome.dialled, outcome.served_kept_ms)
        end
        end_call(outcome.name, outcome.reason, outcome.error, outcome.attempt, fields, outcome.callback,
            unpack(more))
        if outcome.name == 'started' then
            enter_room(call_id, kind, agent, outcome.room_url or '')
        end
        if outcome.reason == 'rejected' then
            return 'rejected ' .. ended_count() .. (is_rejecting() and ' 1' or ' 0')
        end
        told = told or (outcome.reason == 'unknown' or outcome.reason == 'served') and outcome.reason
        return (told or 'recorded') .. ' ' .. ended_count()
    end

    set('state', 'waiting')
    set('again_ms', text(now + tonumber(outcome.again_after_ms)))
    redis.call('HSET', call_key, unpack(fields))
    if outcome.name == 'line' then
        enter_line(call[7], attempt, outcome.reason, outcome.error)
    end
    if was_rejected then
        return outcome.name == 'line' and 'line 0 1' or 'again ' .. outcome.again_after_ms .. ' 0'
    end
    return others_ms and 'recorded ' .. text(others_ms) .. ' 1' or 'recorded'
end

return for_each_call(5, finish)
