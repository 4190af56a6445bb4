-- How a full agent is asked while Daily's events tell when its sessions end. Follows call.lua, in pace.lua.
--
-- freed.lua counts the sessions that ended in `freed` of `pace:<agent>`, and admit.lua admits a call for each
-- (`credited`). But a session may end later at the agent than at Daily. If a call that was admitted for it is
-- refused, its place becomes `expected`, for which one call at a time asks, at the line's usual pace; for
-- LAG_MS from then on (`lag_ms`), the next sessions that end are expected from the first. A session may end
-- earlier too, its event may be lost, or the agent may have sessions of others: a start for a place of which
-- no event told is counted in `untold` (those in a row) and, the last one at `untold_ms`, in `ahead`, until an
-- event comes that nobody can use. While there is none, the line asks ever more rarely, as it would only be
-- refused. Before the first event it asks at its usual pace, which shows whether events come late.
local TOLD_PAUSE_MS = 5000 -- the longest, if every place was told of
local UNTOLD_PAUSE_MS, UNTOLD_MS = 1000, 60000 -- the longest after an untold place, and for how long
local AHEAD_MS = 5000 -- an untold place may be that of the next event
local TWO_MORE = 2 -- may ask after a start, as after any other

-- After a refusal: how long until the line asks again, in ms; 0: at its usual pace. `short_ms` and `long_ms`
-- are the limits of that.
local function told_pause_ms(begun_ms, refusals, short_ms, long_ms)
    local known = redis.call('HMGET', pace, 'freed_ms', 'freed', 'credited', 'expected', 'untold', 'untold_ms', 'ahead')
    local freed_ms = tonumber(known[1])
    if not freed_ms or now - freed_ms >= EVENTS_MS then
        return 0
    end
    local refused = tonumber(known[3] or 0)
    if begun_ms >= freed_ms then -- the agent is full, whatever had been told before
        refused = refused + tonumber(known[2] or 0)
        redis.call('HDEL', pace, 'freed')
    end
    local untold_ago_ms = now - (known[6] or 0)
    local ahead = untold_ago_ms < AHEAD_MS and tonumber(known[7] or 0) or 0
    local unused = math.min(ahead, refused)
    local is_expected = left_until(freed_ms + FREED_MS) > 0
    local expected = is_expected and math.min(tonumber(known[4] or 0) + refused - unused, FREED_MAX) or 0
    redis.call('HSET', pace, 'expected', expected, 'ahead', ahead - unused)
    if unused > 0 and unused == ahead then -- every place was told of
        redis.call('HDEL', pace, 'untold', 'untold_ms')
        known[5], untold_ago_ms = nil, UNTOLD_MS
    end
    if expected > 0 then
        redis.call('HSET', pace, 'lag_ms', now_text)
        return refused > 0 and short_ms or long_ms
    elseif tonumber(known[5] or 0) >= UNTOLD_MAX then
        return 0
    end
    return math.min((refusals + 1) * short_ms, untold_ago_ms < UNTOLD_MS and UNTOLD_PAUSE_MS or TOLD_PAUSE_MS)
end

-- After a 2xx. Returns true if its place had been told of: then it is not a sign of further room, but of the
-- places that are expected.
local function note_told_start()
    local known = redis.call('HMGET', pace, 'credited', 'expected', 'freed_ms')
    local credited, expected = tonumber(known[1] or 0), tonumber(known[2] or 0)
    local was_told = credited > 0 or expected > 0
    if credited > 0 then
        redis.call('HSET', pace, 'credited', credited - 1)
    elseif expected > 0 then
        expected = expected - 1
    elseif known[3] then
        redis.call('HINCRBY', pace, 'untold', 1)
        redis.call('HINCRBY', pace, 'ahead', 1)
        redis.call('HSET', pace, 'untold_ms', now_text)
    end
    if was_told then
        local more = math.min(expected, TWO_MORE)
        redis.call('HSET', pace, 'expected', expected - more, 'untold', 0)
        redis.call('HINCRBY', pace, 'freed', more)
    end
    return was_told
end
