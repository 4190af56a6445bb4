-- What a 4xx does that may be about the call. The call asks again, and its third rejection is its end.
-- But if different calls of a route are rejected in a row, without a start between, the agent or the
-- route is wrong, and not the calls: the route is `rejecting`. Its calls then stand in the wait queue,
-- one asks every REJECTING_PAUSE_MS (admit.lua), rejections do not count, and a 2xx ends it; those with a
-- further agent leave at once, but for one new call in this time (pace.lua). Follows pace.lua in finish.lua.
--
-- `rejected:<agent>#<route>` is a set: the calls rejected since the last 2xx; of a rejecting route, those
-- that were asked in this round, in which each call asks once. `rejecting:<agent>` is a hash of the
-- routes that are rejecting at that agent: when the next call of each may ask. The calls without a
-- route are a route of their own, without a name.
local REJECTED_AGAIN_MS = { 1000, 4000 } -- after the first rejection, after the second
local REJECTED_CALLS_MAX = 5 -- different ones, in a row

-- Of the call at hand.
local function rejection_keys()
    return prefix .. KEY_REJECTED .. agent .. '#' .. route, prefix .. KEY_REJECTING .. agent
end

local function is_rejecting()
    local _, rejecting = rejection_keys()
    return redis.call('HEXISTS', rejecting, route) == 1
end

-- The call at hand was rejected.
local function note_rejection()
    local rejected, rejecting = rejection_keys()
    redis.call('SADD', rejected, call_id)
    redis.call('EXPIRE', rejected, PACE_KEPT_S)
    if not is_rejecting() and redis.call('SCARD', rejected) >= REJECTED_CALLS_MAX then
        redis.call('HSET', rejecting, route, text(now + REJECTING_PAUSE_MS))
        slow_down(now, 0, false) -- so that the agent has a wait queue
        make_due(route)
    end
    redis.call('EXPIRE', rejecting, PACE_KEPT_S)
end

local function end_rejecting()
    local rejected, rejecting = rejection_keys()
    redis.call('DEL', rejected)
    redis.call('HDEL', rejecting, route)
end

-- Returns the state of a call after this many rejections, and how long it waits before it asks again.
local function decide_rejection(rejections)
    if is_rejecting() then
        return 'line', 0
    end
    local again_ms = REJECTED_AGAIN_MS[rejections]
    return again_ms and 'again' or 'dead', again_ms or 0
end
