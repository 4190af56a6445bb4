-- A worker's lease, also in a full Redis: without it the others would take its calls.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 the worker's name  3 how long it holds, in ms
return redis.call('SET', prefix .. KEY_WORKER .. ARGV[1], ARGV[3] .. ' ' .. ARGV[2], 'PX', ARGV[3])
