-- Which commands of the worker may this user of Redis not run on keys of this prefix? Nothing is
-- run: Redis is asked (redis.acl_check_cmd). tests/flow/test_rights.py compares the list with the code.
--
-- KEYS  1 webhooks
-- Returns the names of the commands that are not allowed.
local key = KEYS[1]
local HAVE_PARTS = { xgroup = true, xinfo = true, script = true }
local COMMANDS = { -- with as many arguments as Redis 8 demands of each
    { 'time' }, { 'wait', '0', '0' }, { 'evalsha', '0', '1', key }, { 'script', 'load', 'return 1' },
    { 'xadd', key, '*', 'f', 'v' }, { 'xlen', key }, { 'xdel', key, '0-1' }, { 'xtrim', key, 'minid', '0' },
    { 'xrange', key, '-', '+' }, { 'xrevrange', key, '+', '-' }, { 'xinfo', 'stream', key },
    { 'xinfo', 'groups', key }, { 'xinfo', 'consumers', key, 'g' }, { 'xgroup', 'create', key, 'g', '0' },
    { 'xgroup', 'delconsumer', key, 'g', 'c' }, { 'xreadgroup', 'group', 'g', 'c', 'streams', key, '>' },
    { 'xack', key, 'g', '0-1' }, { 'xclaim', key, 'g', 'c', '0', '0-1' }, { 'xpending', key, 'g' },
    { 'get', key }, { 'set', key, 'v' }, { 'del', key }, { 'exists', key }, { 'expire', key, '1' },
    { 'pexpire', key, '1' }, { 'pttl', key }, { 'hset', key, 'f', 'v' }, { 'hsetnx', key, 'f', 'v' },
    { 'hget', key, 'f' }, { 'hmget', key, 'f' }, { 'hgetall', key }, { 'hdel', key, 'f' },
    { 'hincrby', key, 'f', '1' }, { 'hlen', key }, { 'hexists', key, 'f' }, { 'sadd', key, 'm' },
    { 'srem', key, 'm' }, { 'smembers', key }, { 'sismember', key, 'm' }, { 'scard', key },
    { 'zadd', key, '0', 'm' }, { 'zrem', key, 'm' }, { 'zcard', key }, { 'zcount', key, '0', '0' },
    { 'zscore', key, 'm' }, { 'zmscore', key, 'm' }, { 'zrange', key, '0', '0' },
    { 'zremrangebyscore', key, '0', '0' },
}

local missing = {}
for _, command in ipairs(COMMANDS) do
    if not redis.acl_check_cmd(unpack(command)) then
        local part = HAVE_PARTS[command[1]] and '|' .. command[2] or ''
        missing[#missing + 1] = command[1] .. part
    end
end
return missing
