-- Measures the turnover of a full agent. It was full when it refused a call, so what it started of the calls
-- that were sent between two that it refused is its turnover. Calls count by the time at which they were sent, and
-- a measurement ends when their answers can be there: neither slow answers nor a line that stood still distort it.
-- Follows call.lua and turnover.lua, in pace.lua.
--
-- `pace:<agent>` keeps when the call was sent whose refusal began the measurement (`full_ms`), and the one whose
-- refusal ends it (`full_next_ms`), the starts between these (`taken`) and after them (`taken_next`), how long was
-- measured in all (`measured_ms`), how many calls a second the agent took of late (`recent`, at `recent_ms`), and
-- how long the answer of a start takes (`answer_ms`).
local MEASURED_MS, MEASURED_MS_WRONG = 10000, 1000 -- what is longer ago counts for little; if it seems wrong
local WRONG_DEBT_MS = 2000 -- as many are refused: pace.lua
local UNKNOWN_MS = 1000 -- counts as measured before the first measurement, and that nothing was taken in it
local RECENT_MS = 1000
local STILL_TAKEN = 0.9 -- of what was taken of late, if the agent had room in between
local SUDDEN_MS = 500 -- what was taken in less time is room that appeared at once, perhaps: it at most doubles
local MEASUREMENT_MS_MIN = 200 -- and no less than half of what a refusal takes, or SUDDEN_MS
local ANSWERED = 0.9 -- of the time that an answer takes: after it no answer is waited for
local ANSWERS_COUNTED = 8 -- the last ones, for `answer_ms`

-- A measurement has ended: the turnover by it and by those before. `recent`: how many calls a second were taken
-- at its end.
local function measured_turnover(turnover, taken, passed_ms, measured_ms, recent, debt_ms)
    local memory_ms = debt_ms < WRONG_DEBT_MS and MEASURED_MS or MEASURED_MS_WRONG
    local weight = math.max(1 - math.exp(-passed_ms / memory_ms), passed_ms / (measured_ms + passed_ms))
    local seen, doubled = taken * 1000 / passed_ms, 2 * turnover + SURPLUS
    if passed_ms < SUDDEN_MS then
        seen = math.min(seen, doubled)
    end
    local measured = turnover + (seen - turnover) * weight
    if taken > 0 and is_turning(turnover) and passed_ms >= QUIET_MS then
        return math.max(measured, math.min(STILL_TAKEN * recent, doubled))
    end
    return measured
end

-- How many calls a second the agent took of late, at a time.
local function recent_at(recent, recent_ms, at_ms)
    if not recent or tonumber(recent_ms) > now then -- or Redis' clock was set back
        return 0
    end
    return recent * math.exp(-math.max(at_ms - recent_ms, 0) / RECENT_MS)
end

local function forget_turnover()
    redis.call('HDEL', pace, 'turnover', 'full_ms', 'full_next_ms', 'taken', 'taken_next', 'measured_ms', 'recent',
        'recent_ms')
end

-- A call that was sent at `begun_ms` was refused, because the agent is full.
local function measure_refusal(begun_ms)
    local known = redis.call('HMGET', pace, 'full_ms', 'full_next_ms', 'taken', 'taken_next', 'measured_ms',
        'turnover', 'answer_ms', 'recent', 'recent_ms', 'owed_ms')
    local full_ms, next_ms = tonumber(known[1]), tonumber(known[2])
    if not full_ms or full_ms > now or (next_ms or 0) > now then -- or Redis' clock was set back
        redis.call('HDEL', pace, 'full_next_ms')
        redis.call('HSET', pace, 'full_ms', text(begun_ms), 'taken', 0)
        return
    end
    local least_ms = math.min(math.max((now - begun_ms) / 2, MEASUREMENT_MS_MIN), SUDDEN_MS)
    local is_new = not next_ms and begun_ms - full_ms >= least_ms
    if is_new then
        next_ms = begun_ms
        redis.call('HSET', pace, 'full_next_ms', text(next_ms), 'taken_next', 0)
    end
    if not next_ms or now - next_ms < ANSWERED * tonumber(known[7] or 0) then
        return
    end
    local passed_ms, measured_ms = next_ms - full_ms, tonumber(known[5] or UNKNOWN_MS)
    local turnover = measured_turnover(tonumber(known[6] or 0), tonumber(known[3] or 0), passed_ms, measured_ms,
        recent_at(known[8], known[9], next_ms), debt_of(tonumber(known[10] or 0)))
    redis.call('HDEL', pace, 'full_next_ms')
    redis.call('HSET', pace, 'turnover', string.format('%.3f', turnover), 'full_ms', text(next_ms), 'taken',
        is_new and 0 or tonumber(known[4] or 0), 'measured_ms', text(math.min(measured_ms + passed_ms, MEASURED_MS)))
end

-- A call that was sent at `begun_ms` was started.
local function measure_start(begun_ms)
    local known = redis.call('HMGET', pace, 'full_ms', 'full_next_ms', 'answer_ms', 'recent', 'recent_ms')
    local latency_ms = math.max(now - begun_ms, 0)
    local answer_ms = tonumber(known[3] or latency_ms)
    local recent = recent_at(known[4], known[5], begun_ms) + 1000 / RECENT_MS
    redis.call('HSET', pace, 'answer_ms', text(answer_ms + (latency_ms - answer_ms) / ANSWERS_COUNTED), 'recent',
        string.format('%.3f', recent), 'recent_ms', text(begun_ms))
    if known[2] and begun_ms > tonumber(known[2]) then
        redis.call('HINCRBY', pace, 'taken_next', 1)
    elseif known[1] and begun_ms > tonumber(known[1]) then
        redis.call('HINCRBY', pace, 'taken', 1)
    end
end
