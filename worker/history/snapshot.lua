-- The queue as it stands, read in one step: who waits for which agent, what the next of them know of
-- their hold, the account, the programs, the last events. Changes nothing. Follows rate.lua.
--
-- Nothing that grows is read whole. The walk through the wait queues takes most of the time; it has a
-- budget of calls for all agents together.
--
-- KEYS  1 webhooks
-- ARGV  1 how many calls of a wait queue to walk through  2 how many of the calls that wait to name  3 how many events  4 the programs' status too: `1` yes, `2` if
--       one of them has just written a new problem  5 how many minutes back the sample is to lie (0: none)  6... call_ids of which the caller knows the fields
-- Returns {now in ms, queue, counts, agents, waiting, programs, events, sample}:
--   queue    {entries added, unread (-1: not known), pending, calls that wait, live workers, when the
--            oldest unread entry came, in ms (0: none), and the oldest that is kept}
--   agents   {name, calls that wait, `<when in ms> <by whom>` it was paused or nil, starts of late, in how many
--            ms, pace (PACE_FIELDS), end of the last dial-in's hold, when the first rang, ends of holds in order,
--            dial-ins among those that wait: they come first; score of the last that was walked through,
--            '0' if it is the last of all}
--   waiting  {number of the agent, place in its queue, call_id, end of the hold, call (CALL_FIELDS) or nil if
--            the caller knows it}
--   programs {<program>:<name>, its status, a JSON text}
--   events   {id, names and values}, the newest first, without requests and responses
--   sample   {its minute, names and values}; empty if there is none
local PROGRAMS_MAX, CONSUMERS_MAX = 64, 256
local PROBLEM = 'problem' -- as program_status.c names it in the index of programs
local PROBLEM_NEW_MS = 2500 -- more than twice the time between two readings
local WALK_MAX = 128 -- of all queues together
local AGENT_KNOWN_MS = 24 * 3600 * 1000 -- after its last start
local SAMPLES_TRIED = 5 -- a new record has only samples of the last minutes
local PACE_FIELDS = { 'width', 'next_ms', 'refusals', 'failures', 'slowed_ms', 'status', 'error' }
local CALL_FIELDS = { 'from', 'to', 'kind', 'received_ms', 'attempts', 'http_status', 'error' }
local HIDDEN = { request = true, response = true }
local walk_each, waiting_max, events_max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local minutes_back = tonumber(ARGV[5])

-- The names in the index, and when a program wrote a new problem last; 0: none did of late.
local function read_index()
    local rows = redis.call('ZRANGE', prefix .. KEY_PROGRAMS, '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0,
        PROGRAMS_MAX, 'WITHSCORES')
    local names, problem_ms = {}, 0
    for i = 1, #rows, 2 do
        if rows[i] == PROBLEM then
            problem_ms = tonumber(rows[i + 1])
        else
            names[#names + 1] = rows[i]
        end
    end
    return names, problem_ms
end

local program_names, problem_ms = read_index()
local wants_programs = ARGV[4] == '1' or ARGV[4] == '2' and now - problem_ms < PROBLEM_NEW_MS

-- Those that hold a lease. Redis makes a consumer with its first entry only, so that the programs'
-- names are looked at as well; and workers of an older version write no status.
local function live_workers(has_group)
    local live, is_known = 0, {}
    local function look_at(name)
        if not is_known[name] then
            is_known[name] = true
            live = live + redis.call('EXISTS', prefix .. KEY_WORKER .. name)
        end
    end
    for i, info in ipairs(has_group and redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers') or {}) do
        if i <= CONSUMERS_MAX then
            look_at(field(info, 'name'))
        end
    end
    for _, name in ipairs(program_names) do
        local worker = name:match('^worker:(.*)$')
        if worker then
            look_at(worker)
        end
    end
    return live
end

local function ms_of(row)
    return row and tonumber(row[1]:match('^%d+')) or 0
end

local function read_queue()
    local waiting = redis.call('ZCARD', prefix .. KEY_HOLDS)
    local workers = group()
    if not workers then -- nobody has read anything
        local length = redis.call('XLEN', KEYS[1])
        local first = length > 0 and redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
        return { length, length, 0, waiting, live_workers(false), ms_of(first), ms_of(first) }
    end
    local stream = redis.call('XINFO', 'STREAM', KEYS[1])
    local delivered = field(workers, 'last-delivered-id')
    local unread, oldest_ms = 0, 0
    if delivered ~= field(stream, 'last-generated-id') then
        unread = field(workers, 'lag') or -1
        local row = redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', 1)[1]
        oldest_ms = ms_of(row)
    end
    return { field(stream, 'entries-added'), unread, field(workers, 'pending'), waiting,
        live_workers(true), oldest_ms, ms_of(field(stream, 'first-entry')) }
end

-- The agents that an operator has paused.
local paused, paused_names = {}, {} -- at most 32 (pause.lua)
local function read_paused()
    local fields = redis.call('HGETALL', prefix .. KEY_PAUSED)
    for i = 1, #fields, 2 do
        paused[fields[i]] = fields[i + 1]
        paused_names[#paused_names + 1] = fields[i]
    end
end

-- Those that are paused first, then those with a wait queue, then those that have started calls of late.
local function agent_names()
    local names, is_known = {}, {}
    local function add(list)
        for _, name in ipairs(list) do
            if not is_known[name] and #names < AGENTS_MAX then
                is_known[name] = true
                names[#names + 1] = name
            end
        end
    end
    add(paused_names)
    add(redis.call('SMEMBERS', prefix .. KEY_LINES))
    add(redis.call('ZRANGE', prefix .. KEY_AGENTS, '+inf', text(now - AGENT_KNOWN_MS), 'BYSCORE',
        'REV', 'LIMIT', 0, AGENTS_MAX))
    return names
end

local function rang_ms(score)
    return tonumber(score) % DIALOUTS_AFTER_DIALINS
end

local queues = {} -- the first calls of each agent's wait queue: their ids, scores and ends of hold

local function hold_ends(ids)
    return #ids > 0 and redis.call('ZMSCORE', prefix .. KEY_HOLDS, unpack(ids)) or {}
end

local function read_agent(number, agent, walk)
    local line = prefix .. KEY_LINE .. agent
    local starts, span_ms = starts_of(agent)
    local row = { agent, redis.call('ZCARD', line),
        paused[agent] or false, starts, span_ms,
        redis.call('HMGET', prefix .. KEY_PACE .. agent, unpack(PACE_FIELDS)), '0', 0, {}, 0, '0' }
    row[10] = row[2] > 0 and redis.call('ZCOUNT', line, '-inf', '(' .. text(DIALOUTS_AFTER_DIALINS)) or 0
    if row[2] == 0 or walk == 0 then
        return row
    end
    local named = math.max(math.min(waiting_max, walk), 1)
    local first = redis.call('ZRANGE', line, 0, named - 1, 'WITHSCORES') -- a score costs a microsecond
    local ids = {}
    for n = 1, #first, 2 do
        ids[#ids + 1] = first[n]
    end
    for _, call_id in ipairs(walk > named and redis.call('ZRANGE', line, named, walk - 1) or {}) do
        ids[#ids + 1] = call_id
    end
    local holds = hold_ends(ids)
    for place = 1, #ids do
        holds[place] = holds[place] or '0'
    end
    queues[#queues + 1] = { number = number, next = 1, count = waiting_max, ids = ids, first = first,
        holds = holds }
    row[7] = row[10] > 0 and hold_ends({ redis.call('ZRANGE', line, row[10] - 1, row[10] - 1)[1] })[1] or '0'
    if row[2] > #ids then
        row[11] = first[2 * #ids] or redis.call('ZRANGE', line, #ids - 1, #ids - 1, 'WITHSCORES')[2]
    end
    row[8], row[9] = row[10] > 0 and rang_ms(first[2]) or 0, holds -- who is called, or called back, does not hold
    return row
end

local function read_agents()
    local rows, with_queue = {}, 0
    read_paused()
    local names = agent_names()
    for _, name in ipairs(names) do
        with_queue = with_queue + redis.call('EXISTS', prefix .. KEY_LINE .. name)
    end
    local walk = math.min(walk_each, math.floor(WALK_MAX / math.max(with_queue, 1)))
    for number, name in ipairs(names) do
        rows[number] = read_agent(number, name, walk)
    end
    return rows
end

-- The queue whose next call rang first; nil: none is left.
local function next_queue()
    local best, best_score
    for _, queue in ipairs(queues) do
        local score = queue.next <= queue.count and tonumber(queue.first[2 * queue.next])
        if score and (not best or score < best_score) then
            best, best_score = queue, score
        end
    end
    return best
end

local function read_waiting()
    local rows, is_known = {}, {}
    for i = 6, #ARGV do
        is_known[ARGV[i]] = true
    end
    local queue = waiting_max > 0 and next_queue()
    while queue and #rows < waiting_max do
        local call_id = queue.ids[queue.next]
        rows[#rows + 1] = { queue.number, queue.next, call_id, queue.holds[queue.next],
            not is_known[call_id] and redis.call('HMGET', prefix .. KEY_CALL .. call_id, unpack(CALL_FIELDS)) }
        queue.next = queue.next + 1
        queue = next_queue()
    end
    return rows
end

local function read_programs()
    local rows = {}
    for _, name in ipairs(wants_programs and program_names or {}) do
        local status = redis.call('GET', prefix .. KEY_STATUS .. name)
        if status then
            rows[#rows + 1] = { name, status }
        end
    end
    return rows
end

local function read_events()
    local rows = events_max > 0 and redis.call('XREVRANGE', prefix .. KEY_AUDIT, '+', '-', 'COUNT',
        events_max) or {}
    for _, row in ipairs(rows) do
        local shown = {}
        for i = 1, #row[2], 2 do
            if not HIDDEN[row[2][i]] then
                shown[#shown + 1] = row[2][i]
                shown[#shown + 1] = row[2][i + 1]
            end
        end
        row[2] = shown
    end
    return rows
end

-- Of the minute asked for, or the next one that has a sample.
local function read_sample()
    local first = math.floor(now / 60000) - minutes_back
    for minute = first, first + (minutes_back > 0 and SAMPLES_TRIED - 1 or -1) do
        local fields = redis.call('HGETALL', prefix .. KEY_MINUTE .. text(minute))
        if #fields > 0 then
            return { minute, fields }
        end
    end
    return {}
end

local agents = read_agents()
return { now, read_queue(), redis.call('HGETALL', prefix .. KEY_COUNTS), agents, read_waiting(),
    read_programs(), read_events(), read_sample() }
