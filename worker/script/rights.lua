-- Which commands of the worker may this user of Redis not run on keys of this prefix? Nothing is
-- run: Redis is asked (redis.acl_check_cmd). tests/flow/test_rights.py compares the list with the code.
--
-- KEYS  1 webhooks
-- Returns the names of the commands that are not allowed.
local CHECKED = {
    'time', 'wait', 'xadd', 'xgroup|create', 'xgroup|delconsumer', 'xreadgroup', 'xack', 'xclaim', 'xpending',
    'xinfo|stream', 'xinfo|groups', 'xinfo|consumers', 'xrange', 'xrevrange', 'xtrim', 'xlen', 'xdel',
    'get', 'set', 'del', 'exists', 'expire', 'pexpire', 'pttl', 'hset', 'hsetnx', 'hget', 'hmget', 'hgetall', 'hdel',
    'hincrby', 'hlen', 'hexists', 'sadd', 'srem', 'smembers', 'sismember', 'scard', 'zadd', 'zrem', 'zcard',
    'zcount', 'zscore', 'zmscore', 'zrange', 'zremrangebyscore', 'evalsha', 'script|load',
}
-- The arguments of those that do not take one key first, and anything after it.
local SHAPES = {
    del = { KEYS[1] }, exists = { KEYS[1] }, xinfo = { KEYS[1], 'g' },
    time = {}, wait = { '0', '0' }, xreadgroup = { 'GROUP', 'g', 'c', 'STREAMS', KEYS[1], '>' },
    evalsha = { '0', '1', KEYS[1] }, script = { 'return 1' },
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
