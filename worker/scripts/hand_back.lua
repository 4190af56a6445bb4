-- An entry that a leaving worker holds and has not begun goes to the consumer `handed`, which has no
-- lease, and so to whoever looks next.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 entry
local row = redis.call('XPENDING', KEYS[1], 'workers', ARGV[2], ARGV[2], 1)[1]
if row and row[2] == ARGV[1] then
    redis.call('XCLAIM', KEYS[1], 'workers', 'handed', 0, ARGV[2], 'JUSTID')
end
return 'handed back'
