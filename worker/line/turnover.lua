-- The turnover of a full agent: how many calls it takes a second, because as many sessions end (measured.lua).
-- Its line is then admitted steadily, at the turnover and SURPLUS more: nearly no session that ended stays free,
-- and few calls are refused. If nobody is refused for a while, the agent has more room: the surplus doubles, again
-- and again, each time after a refusal could have come. Refusals are paid for (pace.lua): a debt makes the surplus
-- smaller, and then the rate. If answers are slow, that changes only the next refusals but one, so it is little.
--
-- Below TURNOVER_MIN, and for an agent whose turnover is not known, pace.lua has the window. That grows by the
-- starts; if these are answered much later than refusals are, nobody refused for a while is the better sign.
local TURNOVER_MIN = 2 -- all three in calls a second
local SURPLUS, SURPLUS_DOUBLINGS_MAX = 3, 12
local QUIET_MS, DOUBLED_MS = 500, 200 -- beside the time that a refusal takes
local BURST_MS = 100 -- calls of so long may be admitted at once
local OWED_MS_MAX = 2500 -- the largest debt
local UNPAID_MS = 1000 -- a debt that ends the surplus
local SLOWED, SLOWED_MAX = 4, 8 -- calls a second fewer for each second of debt beyond it, and at most
local SOON_MS = 500 -- if a refusal takes longer, the rate falls by a smaller part of the turnover
local SLOW_ANSWER_MS, SLOWER = 1000, 2 -- of a start, and by how much it is slower than a refusal

local function is_turning(turnover)
    return turnover >= TURNOVER_MIN
end

-- How many times the surplus has doubled, with a fraction; below 0: not long ago somebody was refused.
local function doublings_of(quiet_ms, refusal_ms)
    return (quiet_ms - QUIET_MS - refusal_ms) / (DOUBLED_MS + refusal_ms)
end

-- May an agent without a turnover be admitted steadily, because it refuses nobody?
local function is_growing(quiet_ms, refusal_ms, answer_ms)
    return answer_ms >= SLOW_ANSWER_MS and answer_ms >= SLOWER * refusal_ms and doublings_of(quiet_ms, refusal_ms) > 0
end

-- How many calls a second to admit. `quiet_ms`: since the last refusal; `refusal_ms`: how long one takes;
-- `debt_ms`: how much of the refusals is not paid for yet.
local function admission_rate(turnover, quiet_ms, refusal_ms, debt_ms)
    local doublings = math.min(math.max(doublings_of(quiet_ms, refusal_ms), 0), SURPLUS_DOUBLINGS_MAX)
    local surplus = SURPLUS * (2 ^ doublings - math.min(debt_ms / UNPAID_MS, 1))
    local less = SLOWED * math.max(debt_ms - UNPAID_MS, 0) / 1000
    less = math.min(less, SLOWED_MAX, turnover, turnover * SOON_MS / math.max(refusal_ms, 1))
    return math.max(turnover - less + surplus, TURNOVER_MIN)
end

-- A debt of more than OWED_MS_MAX was made before Redis' clock was set back.
local function debt_of(owed_ms)
    return owed_ms - now <= OWED_MS_MAX and math.max(owed_ms - now, 0) or 0
end

-- How many calls may be admitted, with a fraction, after `passed_ms` at this rate. If Redis' clock was set
-- back, one may, and the count begins anew with it: the line does not wait until the clock has caught up.
local function grown_tokens(tokens, passed_ms, rate)
    if passed_ms < 0 then
        return math.max(tokens, 1)
    end
    return math.min(tokens + passed_ms * rate / 1000, 1 + rate * BURST_MS / 1000)
end
