-- Judges the calls that started and of which no event came in time: if events come at all, their
-- callers were never connected. While none come, or some are unread, nobody is judged. Follows
-- room.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 how long, in ms, after its start a call is judged  2 most calls to judge
-- Returns {{call_id, entry, agent, room_url} of each that never connected, since when, in ms, no event
-- came (0: they come, or that is known already), {each verdict and how many calls have it}}.
local SILENT_MS = 600000 -- without an event: none come
local daily, within_ms, most = prefix .. KEY_DAILY, tonumber(ARGV[1]), tonumber(ARGV[2])
local silent = prefix .. KEY_SILENT

local VERDICTS = { 'connected', 'ended', 'failed', 'never_connected' }
local function verdicts()
    local known = redis.call('HMGET', prefix .. KEY_COUNTS, 'verdict:connected', 'verdict:ended', 'verdict:failed',
        'verdict:never_connected')
    local list = {}
    for i, name in ipairs(VERDICTS) do
        list[i] = { name, tonumber(known[i] or 0) }
    end
    return list
end

local function has_unread()
    for _, info in ipairs(redis.call('EXISTS', daily) == 1 and redis.call('XINFO', 'GROUPS', daily) or {}) do
        if field(info, 'name') == 'events' then
            local newest = field(redis.call('XINFO', 'STREAM', daily), 'last-generated-id')
            return field(info, 'pending') > 0 or
                sort_key(field(info, 'last-delivered-id')) < sort_key(newest)
        end
    end
    return true -- no worker has read any
end

local never = {}
local due = redis.call('ZRANGE', unheard, '-inf', text(now - within_ms), 'BYSCORE', 'LIMIT', 0, most)
if #due == 0 then
    return { never, 0, verdicts() }
end
local last = redis.call('EXISTS', daily) == 1 and
    redis.call('XINFO', 'STREAM', daily) or {}
local last_ms = tonumber((field(last, 'last-generated-id') or '0-0'):match('^%d+'))
if now - last_ms > SILENT_MS then
    for _, call_id in ipairs(due) do -- their verdict stays empty
        redis.call('ZREM', unheard, call_id)
    end
    local is_news = redis.call('GET', silent) ~= text(last_ms)
    redis.call('SET', silent, text(last_ms), 'EX', ROOM_KEPT_S)
    return { never, is_news and last_ms or 0, verdicts() }
end
if has_unread() then
    return { never, 0, verdicts() }
end
for _, call_id in ipairs(due) do
    redis.call('ZREM', unheard, call_id)
    local key = prefix .. KEY_CALL .. call_id
    local call = redis.call('HMGET', key, 'entry', 'state', 'agent', 'room_url', 'verdict', 'route')
    if call[2] == 'started' and not call[5] then
        local written = write_event(prefix .. KEY_AUDIT, call_id, call[1], 'never_connected', '0', '', call[3] or '', '',
            'a bot was started and the caller never reached it', 'route', call[6] or '')
        redis.call('HSET', key, 'verdict', 'never_connected', 'updated_ms', now_text, written, '')
        count_verdict(nil, 'never_connected')
        end_session(call[3] or '', call_id)
        never[#never + 1] = { call_id, call[1], call[3] or '', call[4] or '' }
    end
end
return { never, 0, verdicts() }
