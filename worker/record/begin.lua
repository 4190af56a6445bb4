-- Before each POST, in one step: is this entry still mine, is it a duplicate, is it finished
-- already, must it wait in line? If none of that, the attempt is counted and the call is
-- `starting`. Follows leaving.lua, pace.lua and hung_up.lua.
--
-- ARGV  3 how many workers that died with a call's request out make it `poison`  4 how long, in ms, a
--       request may be out; then each call, with token (the same when this step is sent again), how
--       many workers may have died with its request out, before it becomes a `suspect`, its step
--       along the route, why that is not the recorded one (empty: it must be), how many requests
--       may be out for its agent (0: any number), its caller's limit (`<calls> <ms> <caller>`; empty:
--       none), its lookup: empty, `ask` before it is asked, or its result: JSON with the texts
--       `answer`, `redacted`, `error` and `declined` (empty: it does not decline the call); the number of a
--       call back (empty: it is none); and the URL of a trunk's room (empty: it is no trunk's call)
-- A verdict is a text: lost, duplicate, finished, declined (by the limit or the lookup), served (the number
-- of this call back), started (a late answer said so: `finish` is to record it), abandoned (recorded: its
-- caller has hung up), look (ask the lookup now), elsewhere (its record names another route, agent or
-- step), busy, poison, line, go, or suspect; the attempt (of abandoned: how many calls have ended);
-- and failures in a row before it (of poison and suspect: the number of those deaths).
local poison, request_ms_max = tonumber(ARGV[3]), tonumber(ARGV[4])
local leases = prefix .. KEY_WORKER
local paused = prefix .. KEY_PAUSED
local has_paused = redis.call('EXISTS', paused) == 1 -- an operator has paused some agent

local function verdict(name, attempt, failures)
    return name .. ' ' .. attempt .. ' ' .. failures
end

-- Counts the call among those of its caller. Returns false if there are as many as may be.
local function is_within_limit(limit)
    local calls, within_ms, caller = limit:match('^(%d+) (%d+) (.*)$')
    local key = prefix .. KEY_CALLER .. route .. ':' .. redis.sha1hex(caller)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - within_ms))
    if not redis.call('ZSCORE', key, call_id) and redis.call('ZCARD', key) >= tonumber(calls) then
        return false
    end
    redis.call('ZADD', key, now_text, call_id)
    redis.call('PEXPIRE', key, within_ms)
    return true
end

-- The answer is kept as it came until the call has ended; the event has it redacted.
local function record_lookup(lookup, attempts, set)
    local left_ms = math.max(tonumber(hold_ms) - now, 0) + request_ms_max
    if lookup.answer ~= '' then
        redis.call('SET', prefix .. KEY_LOOKUP .. call_id, lookup.answer, 'PX', text(left_ms))
    end
    local event = record_event('lookup', attempts, consumer, '', lookup.error, 'response', lookup.redacted)
    set('looked_ms', now_text)
    set('lookup', event:sub(#'event:' + 1))
    set(event, '')
end

-- Its caller has gone: the call is dead. `call` is its record, {entry, attempts, attempts answered, worker}.
local function end_as_abandoned(call, happened_ms)
    local was_unanswered = call[2] > call[3] or redis.call('HEXISTS', call_key, 'unanswered') == 1
    local reason, sentence = reason_of_hang_up(was_unanswered)
    local fields = { 'error', sentence, 'kind', kind, 'entry', entry, 'from', from, 'to', to, 'agent', agent,
        'worker', consumer, 'attempts', text(call[2]), 'received_ms', received_ms, 'sha256', sha256,
        'updated_ms', now_text }
    local function set(name, value)
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    if route ~= '' then
        set('route', route)
    end
    if call[2] > call[3] then
        set(record_unknown(call[2], call[4]), '')
        set('answered', text(call[2]))
        set('unanswered', '1')
    end
    leave_everything()
    end_call('dead', reason, sentence, text(call[2]), fields, '', 'happened_ms', text(happened_ms))
    return verdict(reason, ended_count(), 0)
end

local function begin(token, deaths_max, step, why_moved, out_max, limit, lookup, callback, room_url)
    local owner, deliveries = owner_of(entry)
    if owner ~= consumer then
        return 'lost 0 0'
    end

    local call = redis.call('EXISTS', call_key) == 0 and {} or redis.call('HMGET', call_key, 'entry',
        'state', 'attempts', 'answered', 'token', 'worker', 'sha256', 'failures', 'deaths', 'waiting_ms',
        'asked_ms', 'updated_ms', 'again_ms', 'route', 'agent', 'step',
        'looked_ms', 'late_ms')
    local attempts, answered = tonumber(call[3] or 0), tonumber(call[4] or 0)
    local failures, deaths = tonumber(call[8] or 0), tonumber(call[9] or 0)

    if call[1] and call[1] ~= entry then
        end_as_duplicate(call[7])
        return 'duplicate 0 0'
    end
    if call[2] == 'started' or call[2] == 'dead' then
        acknowledge_ended()
        return verdict('finished', attempts, 0)
    end
    if deliveries > 1 then -- the worker on it has survived its start
        redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, entry, 'RETRYCOUNT', 1, 'JUSTID')
    end
    if call[5] == token then -- written again: a WAIT counts only what its own connection has written
        redis.call('HSET', call_key, 'token', token)
        return verdict('go', attempts, failures)
    end

    if not call[1] and limit ~= '' and not is_within_limit(limit) then
        return 'declined 0 0'
    end
    local is_moved = call[1] and (agent ~= call[15] or route ~= (call[14] or '') or step ~= (call[16] or '0'))
    if (is_moved and why_moved == '') or (lookup ~= '' and call[17]) then
        return 'elsewhere 0 0'
    end

    -- A live worker still has this request in flight, though the entry came here (the group was made
    -- again); that worker will record the outcome.
    local is_out = attempts > answered and call[6] and call[6] ~= consumer
    if is_out and redis.call('EXISTS', leases .. call[6]) == 1 and
        now - tonumber(call[12]) <= request_ms_max then
        return verdict('busy', attempts, failures)
    end

    if call[18] then
        return verdict('started', attempts, 0)
    end
    local room = room_url ~= '' and room_of(room_url)
    local digest = room and redis.sha1hex(room)
    local gone_ms = room and hung_up_ms(digest)
    if gone_ms then
        was_looked_up = call[17]
        return end_as_abandoned({ call[1], attempts, answered, call[6] }, gone_ms)
    end

    -- It was told to wait, and its worker is gone or leaving: this worker waits as well.
    if left_until(tonumber(call[13] or 0)) > 0 then
        return verdict('busy', attempts, failures)
    end

    if callback ~= '' and was_served(callback) then
        return verdict('served', attempts, 0)
    end

    local fields = { 'reason', '', 'kind', kind, 'entry', entry, 'from', from, 'to', to,
        'agent', agent, 'worker', consumer, 'received_ms', received_ms, 'sha256', sha256,
        'updated_ms', now_text }
    local function set(name, value)
        fields[#fields + 1] = name
        fields[#fields + 1] = value
    end
    if route ~= '' or call[14] then
        set('route', route)
        set('step', step)
    end
    if callback ~= '' then
        set('callback_of', call_id:sub(1, -4))
    end
    if room then
        hold_room(call_id, room, digest, tonumber(hold_ms))
        set('room', digest)
    end
    if lookup == 'ask' then -- the call is this worker's; nobody else asks
        redis.call('HSET', call_key, 'state', 'queued', 'attempts', attempts, unpack(fields))
        return verdict('look', attempts, failures)
    elseif lookup ~= '' then
        local result = cjson.decode(lookup)
        record_lookup(result, attempts, set)
        if result.declined ~= '' then
            redis.call('HSET', call_key, 'state', 'queued', 'attempts', attempts, unpack(fields))
            return 'declined 0 0'
        end
    end
    if is_moved and why_moved ~= 'lookup' then
        redis.call('ZREM', prefix .. KEY_OUT .. call[15], entry)
        redis.call('ZREM', prefix .. KEY_ADMITTED .. call[15], entry) -- it holds up nobody there
        local is_overflow = why_moved == 'overflow'
        set(record_event(is_overflow and 'overflow' or 'route', attempts, consumer,
            is_overflow and 'waited' or why_moved, '', 'step', step, 'from_agent', call[15]), '')
    end
    if attempts > answered then
        deaths = deaths + 1
        set(record_unknown(attempts, call[6]), '')
        set('answered', attempts)
        set('deaths', deaths)
        set('unanswered', '1')
    end
    -- An admission covers one request.
    local has_line = redis.call('EXISTS', pace) == 1
    local is_full = false
    out_max = tonumber(out_max)
    if out_max > 0 and not redis.call('ZSCORE', out, entry) then
        redis.call('ZREMRANGEBYSCORE', out, '-inf', text(now - REQUEST_MS_MAX))
        is_full = redis.call('ZCARD', out) >= out_max or redis.call('ZCARD', line) > 0
    end
    local admitted_ms = has_line and redis.call('ZSCORE', admitted, entry)
    local is_admitted = admitted_ms and admitted_ms ~= call[11]

    local is_poison = deaths >= poison
    if is_poison or deaths > tonumber(deaths_max) then
        redis.call('HSET', call_key, 'attempts', attempts, unpack(fields))
        return verdict(is_poison and 'poison' or 'suspect', attempts, deaths)
    end
    local is_paused = has_paused and redis.call('HEXISTS', paused, agent) == 1
    local is_probe = not is_paused and has_line and not call[1] and moves_ms ~= '' and is_down_probe()
    if is_paused and is_admitted then -- while its entry was on its way
        redis.call('ZREM', admitted, entry)
    end
    if is_paused or is_full or (has_line and not is_admitted and not is_probe) then
        if out_max > 0 then
            redis.call('ZREM', out, entry)
        end
        redis.call('HSET', call_key, 'state', 'waiting', 'attempts', attempts, unpack(fields))
        enter_line(call[10], attempts, '', '')
        return verdict('line', attempts, failures)
    end
    if admitted_ms or call[11] then
        set('asked_ms', admitted_ms or '')
    end
    if out_max > 0 then
        redis.call('ZADD', out, now_text, entry)
    end
    redis.call('HSET', call_key, 'state', 'starting', 'attempts', attempts + 1, 'token', token,
        unpack(fields))
    return verdict('go', attempts + 1, failures)
end

return for_each_call(5, begin)
