-- How the lines stand in which calls move on because of the forecast: what outlook.c needs to judge them.
-- Changes nothing. Follows prelude.lua, estimate.lua and rate.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 the line to begin with, by its agent (empty: the first)  2 the place in it, from 0
--       3 how many calls of a line to walk through in all  4 how many calls this run may read
-- Returns {lines, agent and place to go on with (an empty text: this was all)}; of a line {agent, place of
-- its first call here, the agent's starts of late, in how many ms, the calls in their order}; of a call
-- {its id if the forecast moves it, else an empty text; how long, in ms, it can wait yet for an answer to
-- come in time; its whole hold in ms, 0 if nothing depends on it}.
local LINES_MAX = 64 -- in one run
local first_agent, first_place = ARGV[1], tonumber(ARGV[2])
local walk, budget = tonumber(ARGV[3]), tonumber(ARGV[4])
local moves, holds = prefix .. KEY_MOVES, prefix .. KEY_HOLDS

-- The whole hold decides only if there is no rate, and only near its end (forecast_moves_on).
local function hold_of(call_id, hold_ms, left_ms, starts)
    if starts > 0 or left_ms >= SLOTS * SLOT_MS then
        return 0
    end
    return math.max(hold_ms - rang_ms(call_id), 0)
end

local function read_line(agent, first, last)
    local ids = redis.call('ZRANGE', prefix .. KEY_LINE .. agent, first, last)
    local dues = #ids > 0 and redis.call('ZMSCORE', moves, unpack(ids)) or {}
    local hold_ends = #ids > 0 and redis.call('ZMSCORE', holds, unpack(ids)) or {}
    local estimate_ms = estimate_of(agent)
    local starts, span_ms = starts_of(agent)
    local calls = {}
    for i, call_id in ipairs(ids) do
        local due_ms, hold_ms = tonumber(dues[i] or FORECAST_MS), tonumber(hold_ends[i] or 0)
        if due_ms > now and hold_ms > now then -- else it leaves the line now
            local moves_it = dues[i] and due_ms >= FORECAST_MS
            local left_ms = math.max(math.floor(hold_ms - now - needs_ms(call_id, estimate_ms, hold_ms)), 0)
            calls[#calls + 1] = { moves_it and call_id or '', left_ms,
                moves_it and hold_of(call_id, hold_ms, left_ms, starts) or 0 }
        end
    end
    return { agent, first, starts, span_ms, calls }, #ids
end

if redis.call('ZCOUNT', moves, text(FORECAST_MS), '+inf') == 0 then
    return { {}, '', 0 }
end
local names, lines = redis.call('SMEMBERS', prefix .. KEY_LINES), {}
table.sort(names)
for _, agent in ipairs(names) do
    if agent >= first_agent then
        local first = agent == first_agent and first_place or 0
        if budget <= 0 or #lines == LINES_MAX then
            return { lines, agent, first }
        end
        local last = math.min(walk, first + budget) - 1
        local line, count = read_line(agent, first, last)
        lines[#lines + 1] = line
        budget = budget - count
        if count > last - first and last + 1 < walk then
            return { lines, agent, last + 1 }
        end
    end
end
return { lines, '', 0 }
