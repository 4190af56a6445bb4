-- A worker's lease, also in a full Redis: without it the others would take its calls.
--
-- KEYS  1 the lease
-- ARGV  1 the worker's name  2 how long it holds, in ms
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
