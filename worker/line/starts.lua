-- Counts an agent's starts, for the forecast, and how long callers waited for theirs. Follows call.lua
-- in finish.lua.
--
-- `starts:<agent>` counts its starts in slots of SLOT_MS, by the number of the slot since 1970; `agents`
-- names the agents that have started calls, by when the last slot began. `counts` has the calls by how
-- long they waited, `waited:<bound>`, each in one bucket only, and the sum of it, `waited_ms`.
local STARTS_KEPT_S = 2 * SLOTS * SLOT_MS / 1000
local AGENTS_KEPT_S = 24 * 3600
local agents = prefix .. KEY_AGENTS

-- Slots too old for a forecast, and those of a clock that was set back.
local function drop_old_slots(starts, slot)
    local slots = redis.call('HGETALL', starts)
    for i = 1, #slots, 2 do
        if tonumber(slots[i]) <= slot - SLOTS or tonumber(slots[i]) > slot then
            redis.call('HDEL', starts, slots[i])
        end
    end
    redis.call('EXPIRE', starts, STARTS_KEPT_S)
    redis.call('ZADD', agents, now_text, agent)
    redis.call('ZREMRANGEBYSCORE', agents, '-inf', text(now - AGENTS_KEPT_S * 1000))
    redis.call('EXPIRE', agents, AGENTS_KEPT_S)
end

local function count_start()
    local starts = prefix .. KEY_STARTS .. agent
    local slot = math.floor(now / SLOT_MS)
    if redis.call('HINCRBY', starts, text(slot), '1') == 1 then
        drop_old_slots(starts, slot)
    end
end

local function count_waited()
    local waited_ms, name = math.max(now - tonumber(received_ms), 0), 'waited:more'
    for _, bound in ipairs(WAITED_BOUNDS) do
        if waited_ms <= bound * 1000 then
            name = 'waited:' .. string.format('%g', bound)
            break
        end
    end
    redis.call('HINCRBY', counts, name, '1')
    redis.call('HINCRBY', counts, 'waited_ms', text(waited_ms))
end
