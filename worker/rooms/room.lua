-- Daily's events joined to calls, by room: the event names the room, and the call's `finish` learned
-- it from /start. Follows event.lua, hung_up.lua and sessions.lua, in finish.lua and in join.lua.
--
-- `room:<digest>` holds the call whose bot is in that room, or SHARED if two calls had it: events
-- then join neither. `early:<digest>` holds the events that came before their call's `finish`: a hash of
-- packed events by their id; `earlies` names these rooms by when they came, so that their number has a
-- limit. `unheard` holds the calls that started and are to be judged, by when they started.
--
-- A call's hash gets, of its events: `daily:<digest of the event's id>` (the entry in the stream of
-- Daily's events), by which the same event is known when it comes again, in any order; `connected_ms`,
-- `ended_ms`, `failed_ms`, `talked_s`, and `verdict`.
local ROOM_KEPT_S, EARLY_MS, SHARED = 86400, 600000, ''
local EARLY_ROOMS_MAX, EARLY_EVENTS_MAX = 10000, 16 -- of a room
local EVENTS_OF_A_CALL_MAX = 32
local unheard, earlies = prefix .. KEY_UNHEARD, prefix .. KEY_EARLIES
local corrected = {} -- {call_id, agent, verdict} of each call that was judged before this event came

local function room_keys(room)
    local digest = redis.sha1hex(room)
    return prefix .. KEY_ROOM .. digest, prefix .. KEY_EARLY .. digest, digest
end

-- What became of the caller, by the events that came so far, whatever their order.
local function verdict_of(connected_ms, ended_ms, failed_ms)
    if connected_ms then
        return ended_ms and 'ended' or 'connected'
    end
    return failed_ms and 'failed' or ended_ms and 'ended' or nil
end

local function count_verdict(old, new)
    local counts_key = prefix .. KEY_COUNTS
    if old and old ~= '' then
        redis.call('HINCRBY', counts_key, 'verdict:' .. old, '-1')
    end
    redis.call('HINCRBY', counts_key, 'verdict:' .. new, '1')
end

-- `event` is {id, name, about, at_ms, error, entry of the stream of Daily's events}; `about` is
-- dialin or dialout: a dial-in may dial out too, and those events are not about its caller. Returns
-- the call's agent if this was the end of its session, the first time that it is heard of.
local function join_event(joined_id, event)
    local id, name, about, at_ms, err, raw = unpack(event)
    local key = prefix .. KEY_CALL .. joined_id
    local call = redis.call('HMGET', key, 'entry', 'state', 'kind', 'agent', 'route', 'connected_ms', 'ended_ms',
        'failed_ms', 'verdict', 'daily_events', 'talked_s')
    if call[2] ~= 'started' or (call[3] == 'dialout') ~= (about == 'dialout') or
        tonumber(call[10] or 0) >= EVENTS_OF_A_CALL_MAX or
        redis.call('HSETNX', key, 'daily:' .. redis.sha1hex(id):sub(1, 20), raw) == 0 then
        return nil
    end
    local happened_ms = math.min(tonumber(at_ms), now)
    local times = { connected = tonumber(call[6]), ended = tonumber(call[7]), failed = tonumber(call[8]) }
    local is_first_end = name == 'ended' and not times.ended
    local is_later = name == 'ended' and times[name] and times[name] > happened_ms
    local is_earlier = name ~= 'ended' and times[name] and times[name] < happened_ms
    if not is_later and not is_earlier then -- the first `connected`, the last `ended`
        times[name] = happened_ms
    end
    local verdict = verdict_of(times.connected, times.ended, times.failed)
    local agent_of_call, route_of_call = call[4] or '', call[5] or ''
    local written = write_event(prefix .. KEY_AUDIT, joined_id, call[1], name, '0', '', agent_of_call, '', err,
        'happened_ms', text(happened_ms), 'route', route_of_call)
    redis.call('HINCRBY', key, 'daily_events', '1')
    redis.call('HSET', key, name .. '_ms', text(times[name]), 'verdict', verdict, 'updated_ms', now_text, written, '')
    if times.connected and times.ended then
        local talked_s = math.max(math.floor((times.ended - times.connected) / 1000 + 0.5), 0)
        redis.call('HSET', key, 'talked_s', text(talked_s))
        redis.call('HINCRBY', prefix .. KEY_COUNTS, 'talked', call[11] and '0' or '1')
        redis.call('HINCRBY', prefix .. KEY_COUNTS, 'talked_s', text(talked_s - (call[11] or 0)))
    end
    if verdict ~= call[9] then
        count_verdict(call[9], verdict)
    end
    redis.call('ZREM', unheard, joined_id)
    if call[9] == 'never_connected' then
        corrected[#corrected + 1] = { joined_id, agent_of_call, verdict }
    end
    if is_first_end then
        end_session(agent_of_call, joined_id)
    elseif call[9] == 'never_connected' and verdict == 'connected' then
        begin_session(agent_of_call, joined_id)
    end
    return is_first_end and agent_of_call or nil
end

local function expire_earlies()
    redis.call('ZREMRANGEBYSCORE', earlies, '-inf', text(now - EARLY_MS))
    while redis.call('ZCARD', earlies) >= EARLY_ROOMS_MAX do
        local oldest = redis.call('ZRANGE', earlies, 0, 0)[1]
        redis.call('DEL', prefix .. KEY_EARLY .. oldest)
        redis.call('ZREM', earlies, oldest)
    end
end

-- The event waits for its call.
local function keep_early(room, event)
    local _, early_key, digest = room_keys(room)
    local is_new = redis.call('EXISTS', early_key) == 0
    if is_new then
        expire_earlies()
        redis.call('ZADD', earlies, now_text, digest)
    elseif redis.call('HLEN', early_key) >= EARLY_EVENTS_MAX then
        return
    end
    redis.call('HSETNX', early_key, event[1], cjson.encode(event))
    if is_new then
        redis.call('PEXPIRE', early_key, EARLY_MS)
    end
end

-- In `finish` of a call that started: its events are found by its room from now on, and those that
-- came early are joined. It is to be judged only if events come at all.
local function enter_room(started_id, kind_of_call, agent_of_call, room_url)
    local room = room_of(room_url)
    if not room then
        return
    end
    local room_key, early_key, digest = room_keys(room)
    local owner = redis.call('GET', room_key)
    if owner and owner ~= started_id then
        redis.call('SET', room_key, SHARED, 'EX', ROOM_KEPT_S)
        redis.call('DEL', early_key)
        redis.call('ZREM', earlies, digest)
        redis.call('ZREM', unheard, owner)
        if owner ~= SHARED then
            end_session(redis.call('HGET', prefix .. KEY_CALL .. owner, 'agent') or '', owner)
        end
        return
    end
    redis.call('SET', room_key, started_id, 'EX', ROOM_KEPT_S)
    if redis.call('EXISTS', prefix .. KEY_DAILY) == 1 then
        begin_session(agent_of_call, started_id)
        if kind_of_call ~= 'dialout' then
            redis.call('ZADD', unheard, now_text, started_id)
        end
    end
    local waiting = redis.call('HGETALL', early_key) -- ids and packed events
    for i = 2, #waiting, 2 do
        join_event(started_id, cjson.decode(waiting[i]))
    end
    if #waiting > 0 then
        redis.call('DEL', early_key)
        redis.call('ZREM', earlies, digest)
    end
end
