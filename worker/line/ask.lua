-- Who of an agent's line may ask now: takes them out of the line, in its order, and hands their
-- entries to this worker. A request that has been out for longer than a second, or since before the
-- line was slowed down, no longer holds up the next. (The keys are explained in call.lua.) Behind
-- prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 most calls to take  3 agent  4 how long, in ms, a request holds up the next
-- Answers {how long, in ms, until it is worth asking again (-1: nobody waits), the entries}.
local consumer, most, agent, holds_up_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local line, pace_key = prefix .. KEY_LINE .. agent, prefix .. KEY_PACE .. agent
local asking, calls = prefix .. KEY_ASKING .. agent, prefix .. KEY_CALL

if redis.call('ZCARD', line) == 0 then
    redis.call('SREM', prefix .. KEY_LINES, agent)
    return { -1, {} }
end
local pace = redis.call('HMGET', pace_key, 'width', 'next_ms', 'failed', 'slowed_ms')
local width, next_ms = tonumber(pace[1] or 1), tonumber(pace[2] or 0)
local slowed_ms = tonumber(pace[4] or 0)
if left_until(next_ms) > 0 then
    return { left_until(next_ms), {} }
end

-- Those let ask are kept a little longer than they hold up others: their `begin` may be on its way.
redis.call('ZREMRANGEBYSCORE', asking, '-inf', text(now - 10 * holds_up_ms))
local fresh = math.max(now - holds_up_ms, slowed_ms <= now and slowed_ms or 0)
fresh = '(' .. text(fresh)
local may_ask = math.min(width - redis.call('ZCOUNT', asking, fresh, now_text), most)
local entries = {}
while #entries < may_ask do
    local first = redis.call('ZRANGE', line, 0, 1)
    local call_id = first[1]
    if not call_id then
        break
    end
    if call_id == pace[3] and first[2] then -- perhaps it fails by itself: another goes first, once
        call_id = first[2]
        redis.call('HDEL', pace_key, 'failed')
        pace[3] = nil
    end
    redis.call('ZREM', line, call_id)
    redis.call('ZREM', prefix .. KEY_HOLDS, call_id)
    local entry = redis.call('HGET', calls .. call_id, 'entry')
    if entry and owner_of(entry) == 'line' then -- else the group was made again, and brings the entry itself
        give_to(consumer, entry)
        redis.call('ZADD', asking, now_text, entry)
        entries[#entries + 1] = row_of(entry)
    end
end
local oldest = redis.call('ZRANGE', asking, fresh, now_text, 'BYSCORE', 'LIMIT', 0, 1,
    'WITHSCORES')[2]
return { oldest and math.max(oldest + holds_up_ms - now, 0) + 1 or 1, entries }
