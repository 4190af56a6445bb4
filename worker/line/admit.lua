-- Admits calls of an agent's wait queue: takes them out of it, in its order, and hands their entries
-- to this worker. A request that has been out for longer than a second, or since before the last
-- refusal, no longer holds up the next. (pace.lua explains the keys.) Follows estimate.lua and turnover.lua.
--
-- A call whose hold ends before an answer can come is passed over: it keeps its place and expires
-- at its time. The estimate of how long an answer takes is the median of the agent's last 2xx. One
-- call in PROBE_MS is admitted whatever the estimate is, or a wrong estimate could stop the queue.
--
-- Of a route that is rejecting (rejecting.lua), one call is admitted every REJECTING_PAUSE_MS, each once
-- before any is admitted again.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 most calls to take  3 agent  4 how long, in ms, a request holds up the next
--       5 how many requests may be out for the agent (0: as many as its pace allows)
-- Returns {how long, in ms, until it is worth asking again (-1: nobody waits), the entries}.
local PROBE_MS = 5000
local PAUSED_MS = 1000 -- how long until a paused agent's line is looked at again
local RESCAN_MS = 1000 -- how long calls that were passed over are not looked at again
local PAGE = 100
local consumer, most, agent, holds_up_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local out_max = tonumber(ARGV[5])
local line, pace_key = prefix .. KEY_LINE .. agent, prefix .. KEY_PACE .. agent
local admitted = prefix .. KEY_ADMITTED .. agent
local out = prefix .. KEY_OUT .. agent
local calls, holds = prefix .. KEY_CALL, prefix .. KEY_HOLDS
local rejecting_key = prefix .. KEY_REJECTING .. agent

if redis.call('ZCARD', line) == 0 then
    redis.call('SREM', prefix .. KEY_LINES, agent)
    return { -1, {} }
end
if redis.call('HEXISTS', prefix .. KEY_PAUSED, agent) == 1 then -- by an operator
    return { PAUSED_MS, {} }
end
local pace = redis.call('HMGET', pace_key, 'width', 'next_ms', 'failed', 'slowed_ms', 'probed_ms',
    'passed_score', 'passed_ms', 'turnover', 'tokens', 'tokens_ms', 'filled', 'freed', 'freed_ms', 'refusals', 'untold',
    'refused_ms', 'refusal_ms', 'answer_ms', 'owed_ms')
local window, next_ms = tonumber(pace[1] or 1), tonumber(pace[2] or 0)
local failed, slowed_ms = pace[3], tonumber(pace[4] or 0)
local freed = tonumber(pace[12] or 0)
if freed > 0 and left_until(tonumber(pace[13] or 0) + FREED_MS) == 0 then
    redis.call('HDEL', pace_key, 'freed')
    freed = 0
end
if freed == 0 and left_until(next_ms) > 0 then
    return { left_until(next_ms), {} }
end

-- Keep admitted entries ten times longer than they block others; their `begin` may still be in flight.
redis.call('ZREMRANGEBYSCORE', admitted, '-inf', text(now - 10 * holds_up_ms))
local fresh = math.max(now - holds_up_ms, slowed_ms <= now and slowed_ms or 0)
fresh = '(' .. text(fresh)

-- Up to as many starts as filled the agent the last time, two more ask for each; then one, as if the
-- growth began anew: else as many as started would be refused together.
local function window_now()
    local filled, grown = tonumber(pace[11] or 0), window - 1
    return math.max(1, math.min(window, filled > 0 and filled - grown or window),
        filled > 0 and window - filled or 0)
end

local turnover = pace[4] and tonumber(pace[8] or 0) or 0
local refused_ms, refusal_ms = tonumber(pace[16] or now), tonumber(pace[17] or 0)
local quiet_ms = now - refused_ms
if quiet_ms < 0 and left_until(refused_ms) == 0 then -- Redis' clock was set back
    redis.call('HSET', pace_key, 'refused_ms', now_text)
end
local rate, tokens, count_max
if is_turning(turnover) or is_growing(quiet_ms, refusal_ms, tonumber(pace[18] or 0)) then
    rate = admission_rate(turnover, quiet_ms, refusal_ms, debt_of(tonumber(pace[19] or 0)))
    tokens = grown_tokens(tonumber(pace[9] or 0), now - tonumber(pace[10] or 0), rate)
    count_max = math.min(math.floor(tokens), most)
else
    count_max = math.min(window_now() - redis.call('ZCOUNT', admitted, fresh, now_text), most)
end
if freed > 0 then
    count_max = math.min(freed, most)
elseif pace[13] and now - pace[13] < EVENTS_MS and tonumber(pace[14] or 0) > 0 and
    tonumber(pace[15] or 0) < UNTOLD_MAX then
    -- That it refused nobody for a while says nothing here: nobody asked. One looks whether it has room.
    count_max = math.min(count_max, 1 - redis.call('ZCOUNT', admitted, fresh, now_text))
end
if out_max > 0 then
    -- Without a pace, only the number of requests holds these calls up.
    count_max = pace[4] and count_max or most
    redis.call('ZREMRANGEBYSCORE', out, '-inf', text(now - REQUEST_MS_MAX))
    count_max = math.min(count_max, out_max - redis.call('ZCARD', out))
end

-- The routes of this agent that are rejecting, by name: when the next call may ask. nil: there is none.
local rejecting
local fields = redis.call('HGETALL', rejecting_key)
for i = 1, #fields, 2 do
    rejecting = rejecting or {}
    rejecting[fields[i]] = tonumber(fields[i + 1])
end

local function rejected_key(route)
    return prefix .. KEY_REJECTED .. agent .. '#' .. route
end

local route_of = {} -- of calls found, whose route is rejecting
local is_taken, has_more = {}, {} -- rejecting routes: a call was found; a call had its turn in this round

-- The call's route if it is rejecting.
local function rejecting_route(call_id)
    local route = rejecting and (redis.call('HGET', calls .. call_id, 'route') or '')
    return route and rejecting[route] and route
end

-- Unless its route is rejecting, each call has its turn.
local function has_turn(call_id)
    local route = rejecting_route(call_id)
    if not route then
        return true
    end
    if is_taken[route] or left_until(rejecting[route]) > 0 then
        return false
    end
    if redis.call('SISMEMBER', rejected_key(route), call_id) == 1 then
        has_more[route] = true
        return false
    end
    route_of[call_id], is_taken[route] = route, true
    return true
end

-- Every waiting call of these routes had its turn: the next round. Returns true if there is one.
local function begin_rounds()
    local is_begun = false
    for route in pairs(has_more) do
        if not is_taken[route] then
            redis.call('DEL', rejected_key(route))
            is_begun = true
        end
    end
    is_taken, has_more = {}, {}
    return is_begun
end

local entries = {}
local function admit(call_id)
    redis.call('ZREM', line, call_id)
    redis.call('ZREM', holds, call_id)
    redis.call('ZREM', prefix .. KEY_MOVES, call_id)
    local entry = redis.call('HGET', calls .. call_id, 'entry')
    if entry and owner_of(entry) == 'line' then -- else the group was made again, and brings the entry itself
        give_to(consumer, entry)
        redis.call('ZADD', admitted, now_text, entry)
        if out_max > 0 then
            redis.call('ZADD', out, now_text, entry)
        end
        local route = route_of[call_id]
        if route then
            redis.call('SADD', rejected_key(route), call_id)
            redis.call('HSET', rejecting_key, route, text(now + REJECTING_PAUSE_MS))
        end
        entries[#entries + 1] = handed(entry, 0)
    end
end

local moves = prefix .. KEY_MOVES
local has_moves = redis.call('EXISTS', moves) == 1

-- The next calls that can be served, in the queue's order; and the first one that is on hold at all.
local function find(count)
    local estimate_ms = estimate_of(agent)
    local found, first, passed = {}, nil, 0
    local from, is_from_start = '-inf', true
    if pace[6] and left_until(tonumber(pace[7]) + RESCAN_MS) > 0 then
        from, is_from_start = pace[6], false
    end
    local offset, score = 0, nil
    repeat
        local page = redis.call('ZRANGE', line, from, '+inf', 'BYSCORE', 'LIMIT', offset, PAGE,
            'WITHSCORES')
        local ids = {}
        for i = 1, #page, 2 do
            ids[#ids + 1] = page[i]
        end
        local dues = has_moves and #ids > 0 and redis.call('ZMSCORE', moves, unpack(ids)) or {}
        local hold_ends = #ids > 0 and redis.call('ZMSCORE', holds, unpack(ids)) or {}
        for i, call_id in ipairs(ids) do
            local hold_ms = tonumber(hold_ends[i] or now + estimate_ms + ADMISSION_MS)
            local moves_on = tonumber(dues[i] or now + 1) <= now -- to another agent: overdue.lua
            if not first and hold_ms > now and not moves_on and not rejecting_route(call_id) then
                first = call_id
            end
            local can_wait = not moves_on and hold_ms - now >= needs_ms(call_id, estimate_ms, hold_ms)
            if can_wait and has_turn(call_id) then
                found[#found + 1] = call_id
                score = score or page[2 * i]
                if #found >= count then
                    break
                end
            elseif not can_wait and not moves_on then
                passed = passed + 1
            end
        end
        offset = offset + PAGE
    until #found >= count or #ids < PAGE
    if pace[4] and not rejecting and is_from_start and passed > PAGE then
        redis.call('HSET', pace_key, 'passed_score', score or from, 'passed_ms', now_text)
    end
    return found, first
end

if count_max > 0 then
    local wanted = count_max + (failed and 1 or 0)
    local found, first = find(wanted)
    if #found < wanted and begin_rounds() then -- only here all that wait were looked at
        found, first = find(wanted)
    end
    if #found == 0 and first and left_until(tonumber(pace[5] or 0) + PROBE_MS) == 0 then
        found = { first }
        if pace[4] then
            redis.call('HSET', pace_key, 'probed_ms', now_text)
        end
    end
    if found[1] == failed and found[2] then -- perhaps it fails by itself: another goes first, once
        found[1], found[2] = found[2], found[1]
        redis.call('HDEL', pace_key, 'failed')
    end
    for i = 1, math.min(#found, count_max) do
        admit(found[i])
    end
    if rate and #entries > 0 then
        local left = freed > 0 and math.max(tokens - #entries, 0) or tokens - #entries
        redis.call('HSET', pace_key, 'tokens', string.format('%.3f', left), 'tokens_ms', now_text)
    end
    if freed > 0 then
        redis.call('HINCRBY', pace_key, 'freed', -math.min(#entries, freed))
        redis.call('HINCRBY', pace_key, 'credited', #entries)
    end
    if #entries < count_max then -- nobody else can be served
        return { holds_up_ms, entries }
    end
end
if out_max > 0 and redis.call('ZCARD', out) >= out_max then -- the worker that records an answer asks again
    return { holds_up_ms, entries }
end
if rate then
    return { math.ceil(math.max(1 - tokens + #entries, 0) * 1000 / rate), entries }
end
local oldest = redis.call('ZRANGE', admitted, fresh, now_text, 'BYSCORE', 'LIMIT', 0, 1,
    'WITHSCORES')[2]
return { oldest and math.max(oldest + holds_up_ms - now, 0) + 1 or 1, entries }
