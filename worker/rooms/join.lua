-- Joins events to their calls, and acknowledges the entries that they came in. Sent again, it changes
-- nothing. Follows abandoned.lua and freed.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 how many entries; then those entries; then of each event: entry, id, name (connected, ended,
--       failed), about (dialin, dialout), at_ms, error, room
-- Returns {how many were joined to a call, the agents whose sessions have ended, {call_id, agent, reason} of
-- each call that ended because its caller hung up, {call_id, agent, verdict} of each that had been judged}.
local count = tonumber(ARGV[1])
local joined, agents, abandoned = 0, {}, {}
for i = count + 2, #ARGV, 7 do
    local raw, id, name, about, at_ms, err, room = unpack(ARGV, i, i + 6)
    local event = { id, name, about, at_ms, err, raw }
    local owner = redis.call('GET', (room_keys(room)))
    local abandoned_of, reason
    if not owner then
        abandoned_of, reason = abandon(room, event)
    end
    if abandoned_of then
        joined = joined + 1
        abandoned[#abandoned + 1] = { call_id, abandoned_of, reason }
        if reason == 'unknown' then -- a late answer may still say that it started
            keep_early(room, event)
        end
    elseif not owner then
        keep_early(room, event)
    elseif owner ~= SHARED then
        local ended_of = join_event(owner, event)
        joined = joined + 1
        if ended_of then
            note_session_end(ended_of, tonumber(at_ms))
            agents[#agents + 1] = ended_of
        end
    end
end
local daily = prefix .. KEY_DAILY
if count > 0 and redis.call('EXISTS', daily) == 1 then
    redis.call('XACK', daily, 'events', unpack(ARGV, 2, count + 1))
end
return { joined, agents, abandoned, corrected }
