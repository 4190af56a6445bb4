-- The turnover of a full agent: how many calls it takes a second, because as many sessions end. It was full
-- at two refusals, so what it started between them is its turnover. Its line is then admitted steadily,
-- at the turnover and SURPLUS more: nearly no session that ended stays free, and few calls are refused.
-- If nobody is refused for a while, the agent has more room: the surplus doubles, again and again.
--
-- Below TURNOVER_MIN, and for an agent whose turnover is not known, pace.lua has the window.
local TURNOVER_MIN = 2 -- all three in calls a second
local SURPLUS, SURPLUS_DOUBLINGS_MAX = 3, 12
local QUIET_MS, DOUBLED_MS = 500, 200 -- beside the time that an answer takes
local MEASURED_MS = 1500 -- older starts count for little
local STILL_TAKEN = 0.75
local BURST_MS = 100 -- calls of so long may be admitted at once

local function is_turning(turnover)
    return turnover >= TURNOVER_MIN
end

-- How many calls a second to admit.
local function admission_rate(turnover, since_refusal_ms, answer_ms)
    local doublings = (since_refusal_ms - QUIET_MS - answer_ms) / (DOUBLED_MS + answer_ms)
    return turnover + SURPLUS * 2 ^ math.min(math.max(doublings, 0), SURPLUS_DOUBLINGS_MAX)
end

-- After a refusal, `passed_ms` after the one before; the refused one was admitted `since_refusal_ms` after
-- it. What the agent took while it still had room counts too, less a
-- quarter, unless it took nothing. Much room that appeared at
-- once is not a turnover, so it at most doubles.
local function measured_turnover(turnover, started, passed_ms, since_refusal_ms)
    local most = 2 * turnover + SURPLUS
    local seen = math.min(started * 1000 / passed_ms, most)
    local measured = turnover + (seen - turnover) * (1 - math.exp(-passed_ms / MEASURED_MS))
    if started > 0 and is_turning(turnover) and since_refusal_ms > QUIET_MS then
        local rate = admission_rate(turnover, since_refusal_ms, passed_ms - since_refusal_ms)
        return math.max(measured, math.min(STILL_TAKEN * rate, most))
    end
    return measured
end

-- How many calls may be admitted, with a fraction, after `passed_ms` at this rate. If Redis' clock was set
-- back, one may, and the count begins anew with it: the line does not wait until the clock has caught up.
local function grown_tokens(tokens, passed_ms, rate)
    if passed_ms < 0 then
        return math.max(tokens, 1)
    end
    return math.min(tokens + passed_ms * rate / 1000, 1 + rate * BURST_MS / 1000)
end
