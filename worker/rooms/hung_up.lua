-- Did the caller of a trunk's call hang up before the call came to this step? Daily's event then waits for
-- the call's start among the early ones (room.lua), and no bot is started for an empty room. Follows
-- prelude.lua.
--
-- abandoned.lua knows a waiting call by its room. `held:<digest>` has the id of one whose name does not
-- tell (a replay, or a room with other characters: common/webhook/trunk_webhook.h).
local ABANDONED = 'the caller hung up while waiting'
local HELD_BEYOND_MS = 60000 -- after its hold

-- The last part of its path; nil: it has none.
local function room_of(url)
    local path = url:match('^%a[%w+.-]*://[^/?#]+([^?#]*)')
    return path and path:match('([^/]+)/*$')
end

-- When the caller left the room with this digest, in ms, by the first event that says so; nil: none does.
local function hung_up_ms(digest)
    local events = redis.call('HGETALL', prefix .. KEY_EARLY .. digest) -- ids and packed events
    local first_ms
    for i = 2, #events, 2 do
        local _, name, about, at_ms = unpack(cjson.decode(events[i]))
        if name == 'ended' and about == 'dialin' then
            first_ms = math.min(first_ms or now, tonumber(at_ms))
        end
    end
    return first_ms
end

-- Reason and sentence of the end of a call whose caller left. If one of its requests had no answer, a bot may
-- have been in that room, and the event the end of its session.
local function reason_of_hang_up(was_unanswered)
    if was_unanswered then
        return 'unknown', ABANDONED .. ', and a request had no answer: a bot may have started'
    end
    return 'abandoned', ABANDONED
end

-- A call that begins: by its room it can be found until its hold is over.
local function hold_room(held_id, room, digest, hold_end_ms)
    if held_id ~= 'trunk-' .. room then
        redis.call('SET', prefix .. KEY_HELD .. digest, held_id, 'PX',
            text(math.max(hold_end_ms - now, 0) + HELD_BEYOND_MS))
    end
end
