-- Calls back whose hold ran out. Follows call.lua. A number stands in keys by its digest.
--
-- `callback:<digest>` is the one open call back of a number: its `call_id`, and `served_ms` once the number
-- has been served otherwise. It ends in the step that ends the call back, and outlives its hold by a request.
-- `served:<digest>` is when a number was served last, for calls of it that still hold.

local function open_callback(digits)
    return prefix .. KEY_CALLBACK .. redis.sha1hex(digits)
end

-- The ingress takes no other dial-out of such a name.
local function is_callback()
    return kind == 'dialout' and call_id:sub(-3) == '~cb'
end

-- A bot was started for these numbers: digits, with a space between.
local function note_served(numbers, kept_ms)
    for digits in numbers:gmatch('%d+') do
        local key = open_callback(digits)
        if redis.call('EXISTS', key) == 1 then
            redis.call('HSET', key, 'served_ms', now_text)
        end
        if tonumber(kept_ms) > 0 then
            redis.call('SET', prefix .. KEY_SERVED .. redis.sha1hex(digits), now_text, 'PX', kept_ms)
        end
    end
end

-- Has the number of this call back been served since it was queued?
local function was_served(digits)
    local known = redis.call('HMGET', open_callback(digits), 'call_id', 'served_ms')
    return known[1] == call_id and known[2] and true or false
end

-- `plan`: JSON with the texts `body`, `sha256`, `since_ms` and `hold_ms`. Returns the name of the call
-- back; nil if the number is being called back already, or was served since.
local function queue_callback(plan)
    local wanted, key, id = cjson.decode(plan), open_callback(number), call_id .. '~cb'
    local served_ms = redis.call('GET', prefix .. KEY_SERVED .. redis.sha1hex(number))
    if (served_ms and tonumber(served_ms) >= tonumber(wanted.since_ms)) or redis.call('EXISTS', key) == 1 then
        return nil
    end
    redis.call('XADD', KEYS[1], '*', 'v', '1', 'kind', 'dialout', 'call_id', id, 'received_ms', now_text,
        'timestamp', '', 'signature', '', 'peer', '', 'body', wanted.body, 'sha256', wanted.sha256,
        'callback_of', call_id, 'route', route, 'hold_ms', wanted.hold_ms)
    redis.call('HSET', key, 'call_id', id)
    redis.call('PEXPIRE', key, text(tonumber(wanted.hold_ms) + REQUEST_MS_MAX))
    redis.call('HINCRBY', counts, 'callbacks', '1')
    return id
end

local function end_callback()
    if number ~= '' and redis.call('HGET', open_callback(number), 'call_id') == call_id then
        redis.call('DEL', open_callback(number))
    end
end

-- Under which name a death is counted: one of a call back is not a second lost caller.
local function count_of_death(reason)
    return 'dead:' .. (is_callback() and reason ~= 'served' and 'callback' or reason)
end
