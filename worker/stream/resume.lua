-- Work on entries that came to this worker without having been read, or were lost on their way, is
-- about to begin: that counts as a delivery. begin.lua takes the count back; a worker that dies in
-- between leaves it. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 deliveries after which an entry is given up  3... the entries
-- Returns {entry, fields (false: deleted), deliveries so far, its call's record} for each that is still
-- this worker's.
local consumer, most = ARGV[1], tonumber(ARGV[2])
local rows = {}
for i = 3, #ARGV do
    local entry = ARGV[i]
    local owner, deliveries = owner_of(entry)
    if owner == consumer then
        if deliveries < most then
            redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, entry, 'RETRYCOUNT',
                deliveries + 1, 'JUSTID')
        end
        rows[#rows + 1] = handed(entry, deliveries)
    end
end
return rows
