-- Makes the consumer group if it is missing: at the low-water mark, up to which every entry is
-- finished. A mark beyond the stream's end belongs to a stream that is gone. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- Returns the id after which the group begins, or an empty text if the group existed.
local low = redis.call('GET', prefix .. KEY_LOW) or NOTHING
if group() then
    return ''
end
if redis.call('EXISTS', KEYS[1]) == 1 then
    local newest = field(redis.call('XINFO', 'STREAM', KEYS[1]), 'last-generated-id')
    low = sort_key(low) > sort_key(newest) and NOTHING or low
end
redis.call('XGROUP', 'CREATE', KEYS[1], 'workers', low, 'MKSTREAM')
return low
