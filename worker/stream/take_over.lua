-- Takes entries over from consumers that are dead, and removes such consumers once they hold nothing,
-- each in one step, so that two workers never take the same entry. Dead is a consumer that has left
-- (`gone`), or one that the caller has watched without a lease for long enough and that still has
-- none. Nothing here compares a time: Redis' clock may step. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer (who takes)  2 most entries to take  3... consumers that were watched long enough
-- Returns {the number of entries taken, the consumers without a lease, how many of the entries their
-- workers gave back or left, and did not die with}.
local consumer, most = ARGV[1], tonumber(ARGV[2])
local leases, gone = prefix .. KEY_WORKER, prefix .. KEY_GONE
local reserved = { [consumer] = true, line = true, unknown = true }
local watched = {}
for i = 3, #ARGV do
    watched[ARGV[i]] = true
end

-- A lease that lasts longer than a renewal makes it was renewed before Redis' clock was set back; its
-- owner may be dead.
local function has_lease(name)
    local lease = redis.call('GET', leases .. name)
    local length_ms = lease and tonumber(lease:match('^(%d+) '))
    if length_ms and redis.call('PTTL', leases .. name) > length_ms then
        redis.call('PEXPIRE', leases .. name, length_ms)
    end
    if lease then
        redis.call('ZREM', gone, name)
    end
    return lease
end

local function has_left(name)
    return name == 'handed' or tonumber(redis.call('ZSCORE', gone, name)) == 0
end

local taken, without_lease, given_back = 0, {}, 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
    local name, count = info[2], info[4]
    local is_out = not reserved[name] and not has_lease(name)
    if is_out and not has_left(name) and not watched[name] then
        without_lease[#without_lease + 1] = name
    elseif is_out and count == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', name)
        redis.call('ZREM', gone, name)
    elseif is_out then
        local rows = taken < most and
            redis.call('XPENDING', KEYS[1], 'workers', '-', '+', most - taken, name) or {}
        for _, row in ipairs(rows) do
            give_to(consumer, row[1])
            taken = taken + 1
            given_back = given_back + (has_left(name) and 1 or 0)
        end
        without_lease[#without_lease + 1] = name
    end
end
return { taken, without_lease, given_back }
