-- Makes calls due that wait for the forecast: they move on to the next agent of their route (overdue.lua).
-- A call that has left its line meanwhile stays as it is. Follows prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  the calls' ids
-- Returns how many are due now.
local moves, count = prefix .. KEY_MOVES, 0
for _, call_id in ipairs(ARGV) do
    if tonumber(redis.call('ZSCORE', moves, call_id) or 0) >= FORECAST_MS then
        redis.call('ZADD', moves, 'XX', now_text, call_id)
        count = count + 1
    end
end
return count
