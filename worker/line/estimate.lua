-- How long an agent needs to answer: the median of its last 2xx (`answers:<agent>`, pace.lua). Follows
-- prelude.lua.
local ESTIMATE_MS = 1000 -- if the agent has not answered 2xx of late
local ANSWERS_MS = 60000
local ADMISSION_MS = 100 -- from the admission to the request

local function estimate_of(agent)
    local latencies = {}
    for _, row in ipairs(redis.call('XREVRANGE', prefix .. KEY_ANSWERS .. agent, '+', text(now - ANSWERS_MS),
        'COUNT', ANSWERS_MAX)) do
        latencies[#latencies + 1] = tonumber(field(row[2], 'latency_ms'))
    end
    table.sort(latencies)
    return latencies[math.ceil(#latencies / 2)] or ESTIMATE_MS
end

-- Not of its place in the line: a priority makes that earlier.
local function rang_ms(call_id)
    return tonumber(redis.call('HGET', prefix .. KEY_CALL .. call_id, 'received_ms') or now)
end

-- How long a call needs from its admission to the answer; never more than half of its hold.
local function needs_ms(call_id, estimate_ms, hold_end_ms)
    local needs = estimate_ms + ADMISSION_MS
    if hold_end_ms - now >= needs then
        return needs
    end
    return math.min(needs, (hold_end_ms - rang_ms(call_id)) / 2)
end
