-- Which commands of the worker's scripts may this user of Redis not run on keys of this prefix?
-- Nothing is run: Redis is asked (redis.acl_check_cmd).
--
-- KEYS  1 webhooks
-- Returns the names of the commands that are not allowed.
local CHECKED = {
    'ping', 'time', 'wait', 'xadd', 'xgroup|create', 'xreadgroup', 'xread', 'xack', 'xclaim', 'xpending',
    'xinfo|stream', 'xrange', 'xrevrange', 'xtrim', 'xlen', 'xdel', 'get', 'set', 'del', 'unlink', 'exists',
    'expire', 'pexpire', 'ttl', 'pttl', 'incr', 'incrby', 'append', 'hset', 'hsetnx', 'hget', 'hmget',
    'hgetall', 'hdel', 'hincrby', 'hlen', 'hexists', 'sadd', 'srem', 'smembers', 'sismember', 'smismember',
    'scard', 'zadd', 'zrem', 'zcard', 'zcount', 'zscore', 'zmscore', 'zrange', 'zrangebyscore',
    'zremrangebyscore', 'zremrangebyrank', 'zincrby', 'evalsha', 'script|load',
}
-- The arguments of those that do not take one key first, and anything after it.
local SHAPES = {
    del = { KEYS[1] }, unlink = { KEYS[1] }, exists = { KEYS[1] },
    ping = {}, time = {}, wait = { '0', '0' }, xreadgroup = { 'GROUP', 'g', 'c', 'STREAMS', KEYS[1], '>' },
    xread = { 'STREAMS', KEYS[1], '0' }, evalsha = { '0', '1', KEYS[1] }, script = { 'return 1' },
}

local missing = {}
for _, name in ipairs(CHECKED) do
    local command, part = name:match('^(%a+)|?(%a*)$')
    local words = { command }
    if part ~= '' then
        words[#words + 1] = part
    end
    for _, word in ipairs(SHAPES[command] or { KEYS[1], '1', '1', '1' }) do
        words[#words + 1] = word
    end
    if not redis.acl_check_cmd(unpack(words)) then
        missing[#missing + 1] = name
    end
end
return missing
