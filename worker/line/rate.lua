-- The rate of an agent for the forecast, as starts.lua counts it. Follows prelude.lua.

-- How many calls an agent has started in the current slot and those before it, and in how long.
local function starts_of(agent)
    local slot = math.floor(now / SLOT_MS)
    local counts = redis.call('HGETALL', prefix .. KEY_STARTS .. agent)
    local starts = 0
    for i = 1, #counts, 2 do
        local age = slot - tonumber(counts[i])
        if age >= 0 and age < SLOTS then
            starts = starts + tonumber(counts[i + 1])
        end
    end
    return starts, (SLOTS - 1) * SLOT_MS + now % SLOT_MS + 1
end
