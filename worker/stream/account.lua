-- The account, read in one step: every entry that was ever added is started, dead, a duplicate, or
-- unfinished. Also detects entries lost since the last reading. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 the newest entry of the last time, or an empty text
-- Returns {entries added, started, dead, duplicate, unfinished (-1: not known), calls in line,
-- the newest entry's id, how many entries are newer than the one asked for (-1: it is still there,
-- or there are too many to count), the newest one up to it that is there}.
local NEWER_MAX = 1000

local counts = redis.call('HMGET', prefix .. KEY_COUNTS, 'started', 'dead', 'duplicate', 'ended_unread')
for i = 1, 4 do
    counts[i] = tonumber(counts[i] or 0)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    return { 0, counts[1], counts[2], counts[3], 0, 0, '0-0', 0, '' }
end

local stream = redis.call('XINFO', 'STREAM', KEYS[1])
local added, newest = field(stream, 'entries-added'), field(stream, 'last-generated-id')
local unfinished, in_line = -1, 0
local workers = group()
if workers then
    -- `lag` is unknown for a while if the group was made again or entries were deleted.
    local unread = field(workers, 'last-delivered-id') == newest and 0 or field(workers, 'lag')
    local open = unread and field(workers, 'pending') + unread
    unfinished = open and open - math.max(math.min(counts[4], open), 0) or -1
    in_line = count_of('line')
end

local asked, newer, left = ARGV[1], -1, ''
if asked ~= '' and #redis.call('XRANGE', KEYS[1], asked, asked) == 0 then
    newer = #redis.call('XRANGE', KEYS[1], '(' .. asked, '+', 'COUNT', NEWER_MAX)
    newer = newer < NEWER_MAX and newer or -1
    local row = redis.call('XREVRANGE', KEYS[1], asked, '-', 'COUNT', 1)[1]
    left = row and row[1] or ''
end
return { added, counts[1], counts[2], counts[3], unfinished, in_line, newest, newer, left }
