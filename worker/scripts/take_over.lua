-- Takes entries over from consumers whose lease is gone, and removes such consumers once they hold
-- nothing, each in one step, so that two workers never take the same entry.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer (who takes)  2 most entries to take  3 first part of a lease's key
-- Answers the number of entries taken.
local consumer, most, leases = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local reserved = { [consumer] = true, line = true, unknown = true }
local taken = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
    local name, count = info[2], info[4]
    if not reserved[name] and redis.call('EXISTS', leases .. name) == 0 then
        if count == 0 then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', name)
        elseif taken < most then
            local rows = redis.call('XPENDING', KEYS[1], 'workers', '-', '+', most - taken, name)
            for _, row in ipairs(rows) do
                redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, row[1], 'JUSTID')
                taken = taken + 1
            end
        end
    end
end
return taken
