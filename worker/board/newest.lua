-- The newest events after one, and how many there ever were: so a board that does not read them all
-- knows how many it left out. Changes nothing. Follows prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 the id of that event; 0-0: none  2 how many events at most
-- Returns {events ever added, rows of the newest, the oldest first}.
local key = prefix .. KEY_AUDIT
if redis.call('EXISTS', key) == 0 then
    return { 0, {} }
end
local found = redis.call('XREVRANGE', key, '+', '(' .. ARGV[1], 'COUNT', ARGV[2])
local rows = {}
for n = #found, 1, -1 do
    rows[#rows + 1] = found[n]
end
return { field(redis.call('XINFO', 'STREAM', key), 'entries-added'), rows }
