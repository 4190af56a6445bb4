-- A worker leaves: without its lease, what it still holds is taken over by the others at once; if it
-- holds nothing, its consumer goes too.
--
-- KEYS  1 webhooks  2 the worker's lease  3 gone
-- ARGV  1 consumer
redis.call('DEL', KEYS[2])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
    if info[2] == ARGV[1] and info[4] == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', ARGV[1])
        redis.call('ZREM', KEYS[3], ARGV[1])
    end
end
return 'left'
