-- Makes the consumer group where it is missing: at the low-water mark, up to which every entry is
-- finished. A mark beyond the stream's end belongs to a stream that is gone. Behind stream.lua.
--
-- KEYS  1 webhooks  2 low
-- Answers the id behind which the group begins, or an empty text where it was there.
if redis.call('EXISTS', KEYS[1]) == 1 then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
        if field(group, 'name') == 'workers' then
            return ''
        end
    end
end
local low = redis.call('GET', KEYS[2]) or '0-0'
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if #redis.call('XRANGE', KEYS[1], '(' .. low, '+', 'COUNT', 1) == 0 and last and last[1] ~= low then
    low = '0-0'
end
redis.call('XGROUP', 'CREATE', KEYS[1], 'workers', low, 'MKSTREAM')
return low
