-- The call at hand. Follows event.lua. begin.lua and finish.lua do their step for every call of a batch,
-- one after the other. An error ends the whole batch; the steps before it have taken effect, and
-- worker/script/script_batch.c sends all of them again, each alone.
--
-- KEYS  1 webhooks
-- ARGV  1 how many arguments each call has  2 consumer, and more for begin.lua; then of each
--       call: entry, call_id, kind, from, to, agent, received_ms, sha256 of the body, its score in
--       the wait queue, end of the hold in ms, name of the route (empty: none), when it moves on to the route's next agent, in ms
--       (empty: never); and the arguments of
--       the step itself
-- Returns an array with the verdict of each, in their order.
--
-- A call's hash has no `answered`, `deaths`, `failures`, `asked_ms`, `route` and `step` while they are 0 or
-- nothing.
-- (Each argument of a command costs Redis a quarter of a microsecond, and a number given as one, not as a
-- text, twice that.)
local CALL_ARGS = 12 -- that describe a call: worker/record/record.c

local consumer = ARGV[2]
local audit, counts, dead = prefix .. KEY_AUDIT, prefix .. KEY_COUNTS, prefix .. KEY_DEAD

-- The call at hand, its key, and those of its agent.
local entry, call_id, kind, from, to, agent, received_ms, sha256, score, hold_ms
local route, moves_ms = '', ''
local was_looked_up -- the id of the event `lookup`; nil: its route's lookup was not asked
local number = '' -- of its caller, digits: finish.lua
local call_key, line, pace, admitted, answers, last_answer, out

local function for_each_call(first, step)
    local args_each = tonumber(ARGV[1])
    local verdicts = {}
    for i = first, #ARGV, args_each do
        entry, call_id, kind, from, to, agent, received_ms, sha256, score, hold_ms, route, moves_ms =
            unpack(ARGV, i, i + CALL_ARGS - 1)
        call_key = prefix .. KEY_CALL .. call_id
        line, pace = prefix .. KEY_LINE .. agent, prefix .. KEY_PACE .. agent
        admitted, answers = prefix .. KEY_ADMITTED .. agent, prefix .. KEY_ANSWERS .. agent
        last_answer = prefix .. KEY_ANSWERED .. agent
        out = prefix .. KEY_OUT .. agent
        verdicts[#verdicts + 1] = step(unpack(ARGV, i + CALL_ARGS, i + args_each - 1))
    end
    return verdicts
end

local function record_event(event, attempt, worker, reason, err, ...)
    if route ~= '' then
        return write_event(audit, call_id, entry, event, attempt, worker, agent, reason, err, 'route',
            route, ...)
    end
    return write_event(audit, call_id, entry, event, attempt, worker, agent, reason, err, ...)
end

-- The worker that had the call before died with a request out: its outcome is unknown.
local function record_unknown(attempts, worker)
    return record_event('attempt', attempts, worker or '', '', 'unknown outcome')
end
