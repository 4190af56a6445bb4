-- Who of an agent's line may ask now: takes them out of the line, in its order, and hands their
-- entries to this worker. A request that has been out for longer than a second, or since before the
-- line was slowed down, no longer holds up the next. (The keys are explained in call.lua.) Behind
-- prelude.lua.
--
-- KEYS  1 webhooks  2 line:<agent>  3 pace:<agent>  4 asking:<agent>  5 lines  6 holds
-- ARGV  1 consumer  2 most calls to take  3 agent  4 first part of a call's key
--       5 how long, in ms, a request holds up the next
-- Answers {how long, in ms, until it is worth asking again (-1: nobody waits), the entries}.
local consumer, most, calls, holds_up_ms = ARGV[1], tonumber(ARGV[2]), ARGV[4], tonumber(ARGV[5])

if redis.call('ZCARD', KEYS[2]) == 0 then
    redis.call('SREM', KEYS[5], ARGV[3])
    return { -1, {} }
end
local pace = redis.call('HMGET', KEYS[3], 'width', 'next_ms', 'failed', 'slowed_ms')
local width, next_ms = tonumber(pace[1] or 1), tonumber(pace[2] or 0)
local slowed_ms = tonumber(pace[4] or 0)
if left_until(next_ms) > 0 then
    return { left_until(next_ms), {} }
end

-- Those let ask are kept a little longer than they hold up others: their `begin` may be on its way.
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', text(now - 10 * holds_up_ms))
local fresh = math.max(now - holds_up_ms, slowed_ms <= now and slowed_ms or 0)
fresh = '(' .. text(fresh)
local may_ask = math.min(width - redis.call('ZCOUNT', KEYS[4], fresh, now_text), most)
local entries = {}
while #entries < may_ask do
    local first = redis.call('ZRANGE', KEYS[2], 0, 1)
    local call_id = first[1]
    if not call_id then
        break
    end
    if call_id == pace[3] and first[2] then -- perhaps it fails by itself: another goes first, once
        call_id = first[2]
        redis.call('HDEL', KEYS[3], 'failed')
        pace[3] = nil
    end
    redis.call('ZREM', KEYS[2], call_id)
    redis.call('ZREM', KEYS[6], call_id)
    local entry = redis.call('HGET', calls .. call_id, 'entry')
    if entry and owner_of(entry) == 'line' then -- else the group was made again, and brings the entry itself
        give_to(consumer, entry)
        redis.call('ZADD', KEYS[4], now_text, entry)
        entries[#entries + 1] = row_of(entry)
    end
end
local oldest = redis.call('ZRANGE', KEYS[4], fresh, now_text, 'BYSCORE', 'LIMIT', 0, 1,
    'WITHSCORES')[2]
return { oldest and math.max(oldest + holds_up_ms - now, 0) + 1 or 1, entries }
