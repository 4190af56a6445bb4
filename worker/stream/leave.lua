-- A worker leaves: without its lease, the others take over its entries at once; if it
-- holds nothing, its consumer goes too.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer
local gone = prefix .. KEY_GONE
redis.call('DEL', prefix .. KEY_WORKER .. ARGV[1])
redis.call('ZADD', gone, 0, ARGV[1])
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
    if info[2] == ARGV[1] and info[4] == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', ARGV[1])
        redis.call('ZREM', gone, ARGV[1])
    end
end
return 'left'
