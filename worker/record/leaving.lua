-- A call that ends while it waits leaves all that names it as waiting, or as one that is asked for.
-- Follows ending.lua.
local function leave_everything()
    redis.call('ZREM', prefix .. KEY_LINE .. agent, call_id)
    redis.call('ZREM', prefix .. KEY_HOLDS, call_id)
    redis.call('ZREM', prefix .. KEY_MOVES, call_id)
    redis.call('ZREM', prefix .. KEY_ADMITTED .. agent, entry)
    redis.call('ZREM', prefix .. KEY_OUT .. agent, entry)
end
