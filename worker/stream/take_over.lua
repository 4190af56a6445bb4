-- Takes entries over from consumers whose lease is gone, and removes such consumers once they hold
-- nothing, each in one step, so that two workers never take the same entry.
--
-- A lease may have run out because Redis was away, and its worker be about to renew it. So one that
-- is found gone is remembered first (`gone`, by when), and acted on a moment later; one that was
-- given up is acted on at once. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer (who takes)  2 most entries to take  3 how long, in ms, a lease must have been gone
-- Returns the number of entries taken.
local consumer, most, patience_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local leases, gone = prefix .. KEY_WORKER, prefix .. KEY_GONE
local reserved = { [consumer] = true, line = true, unknown = true }
local taken = 0

local function is_gone(name)
    if redis.call('EXISTS', leases .. name) == 1 then
        redis.call('ZREM', gone, name)
        return false
    end
    local since = name == 'handed' and 0 or tonumber(redis.call('ZSCORE', gone, name))
    if not since then
        redis.call('ZADD', gone, now_text, name)
        return false
    end
    return now - since >= patience_ms
end

for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
    local name, count = info[2], info[4]
    if not reserved[name] and is_gone(name) then
        if count == 0 then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', name)
            redis.call('ZREM', gone, name)
        elseif taken < most then
            local rows = redis.call('XPENDING', KEYS[1], 'workers', '-', '+', most - taken, name)
            for _, row in ipairs(rows) do
                give_to(consumer, row[1])
                taken = taken + 1
            end
        end
    end
end
return taken
