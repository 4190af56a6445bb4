-- How the lines stand in which calls move on because of the forecast: what outlook.c needs to judge them.
-- Changes nothing. Follows prelude.lua, estimate.lua and rate.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 how many calls of a line to walk through
-- Returns of each such line {its agent's starts of late, in how many ms, the calls in their order}; of a
-- call {its id if the forecast moves it, else an empty text; how long, in ms, it can wait yet for an
-- answer to come in time; its whole hold in ms (0 if the
-- forecast does not move it)}.
local LINES_MAX = 64
local walk = tonumber(ARGV[1])
local moves, holds = prefix .. KEY_MOVES, prefix .. KEY_HOLDS

local function read_line(agent)
    local ids = redis.call('ZRANGE', prefix .. KEY_LINE .. agent, 0, walk - 1)
    local dues = #ids > 0 and redis.call('ZMSCORE', moves, unpack(ids)) or {}
    local hold_ends = #ids > 0 and redis.call('ZMSCORE', holds, unpack(ids)) or {}
    local estimate_ms = estimate_of(agent)
    local calls, is_wanted = {}, false
    for i, call_id in ipairs(ids) do
        local due_ms, hold_ms = tonumber(dues[i] or FORECAST_MS), tonumber(hold_ends[i] or 0)
        if due_ms > now and hold_ms > now then -- else it leaves the line now
            local moves_it = dues[i] and due_ms >= FORECAST_MS
            local needs = needs_ms(call_id, estimate_ms, hold_ms)
            calls[#calls + 1] = { moves_it and call_id or '', math.max(math.floor(hold_ms - now - needs), 0),
                moves_it and math.max(hold_ms - rang_ms(call_id), 0) or 0 }
            is_wanted = is_wanted or moves_it
        end
    end
    return is_wanted and calls
end

local lines = {}
if redis.call('ZCOUNT', moves, text(FORECAST_MS), '+inf') == 0 then
    return lines
end
for i, agent in ipairs(redis.call('SMEMBERS', prefix .. KEY_LINES)) do
    local calls = i <= LINES_MAX and read_line(agent)
    if calls then
        local starts, span_ms = starts_of(agent)
        lines[#lines + 1] = { starts, span_ms, calls }
    end
end
return lines
