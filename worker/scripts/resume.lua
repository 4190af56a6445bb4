-- Work on entries that came to this worker without having been read, or were lost on their way, is
-- about to begin: that counts as a delivery. begin.lua takes the count back; a worker that dies in
-- between leaves it.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 deliveries after which an entry is not worked on any more  3... the entries
-- Answers {entry, fields (false: deleted), deliveries so far} for each that is still this worker's.
local consumer, most = ARGV[1], tonumber(ARGV[2])
local rows = {}
for i = 3, #ARGV do
    local entry = ARGV[i]
    local row = redis.call('XPENDING', KEYS[1], 'workers', entry, entry, 1)[1]
    if row and row[2] == consumer then
        if row[4] < most then
            redis.call('XCLAIM', KEYS[1], 'workers', consumer, 0, entry, 'RETRYCOUNT', row[4] + 1,
                'JUSTID')
        end
        local found = redis.call('XRANGE', KEYS[1], entry, entry)[1]
        rows[#rows + 1] = { entry, found and found[2] or false, row[4] }
    end
end
return rows
