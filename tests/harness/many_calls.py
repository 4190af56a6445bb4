"""Many finished calls at once, as ingress and workers leave them."""

AT_ONCE = 500
NUMBER = "+1415{:07}"  # of the caller of a call, by its number
CALL_ID = "5c0d45cf-100b-4f35-8a41-{:012}"

# Of each call: entry, hash, index and two events.
FILL = """
local prefix, first_ms, step_ms, first, count, dead_of = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
for number = first, first + count - 1 do
    local ms = first_ms + number * step_ms
    local entry, at, started_at = string.format('%.0f-0', ms), string.format('%.0f', ms), string.format('%.0f', ms + 150)
    local id, from, to = string.format('5c0d45cf-100b-4f35-8a41-%012d', number), string.format('+1415%07d', number), '+14152251493'
    local body = string.format('{"To":"%s","From":"%s","callId":"%s","callDomain":"5d1a6fb3-1a4a-4c61-b5b9-8d0e4e5b9c1f"}', to, from, id)
    local is_dead = number % dead_of == 0
    local state, reason, status = is_dead and 'dead' or 'started', is_dead and 'expired' or '', is_dead and '429' or '200'
    redis.call('XADD', prefix .. ':webhooks', entry, 'v', '1', 'kind', 'dialin', 'call_id', id, 'received_ms', at,
        'timestamp', at, 'signature', 'c2lnbmVkIHdpdGggYSBzZWNyZXQgb2YgYSBudW1iZXI=', 'peer', '127.0.0.1', 'body', body,
        'sha256', 'fb3ff586a0077a6a3248e90d80ddd1e6a518beefec3d9dd9ddc1095e0cb83b63')
    redis.call('HSET', prefix .. ':call:' .. id, 'state', state, 'attempts', is_dead and '9' or '1', 'token', entry, 'reason',
        reason, 'kind', 'dialin', 'entry', entry, 'from', from, 'to', to, 'agent', 'agent', 'worker', 'w1', 'received_ms', at,
        'sha256', 'fb3ff586a0077a6a3248e90d80ddd1e6a518beefec3d9dd9ddc1095e0cb83b63', 'updated_ms', started_at, 'error', '',
        'http_status', status, 'event:' .. entry, '', 'started_ms', is_dead and '' or started_at, 'session_id',
        '7a4b2e5c-0c6f-4b9e-9a55-1d2f3c4b5a69', 'room_url', 'https://example.daily.co/q8cBHFrPbDCXPXqyZaoM')
    redis.call('SADD', prefix .. ':index:' .. string.format('%d', math.floor(ms / 60000)), 'from:' .. from, 'to:' .. to,
        'agent:agent', 'state:' .. state, 'reason:' .. reason)
    redis.call('XADD', prefix .. ':audit', at .. '-1', 'call_id', id, 'entry', entry, 'event', 'attempt',
        'attempt', '1', 'worker', 'w1', 'at_ms', at, 'agent', 'agent', 'reason', '', 'error', '', 'http_status', status,
        'latency_ms', '50', 'request', body, 'response', '{"sessionId":"7a4b2e5c-0c6f-4b9e-9a55-1d2f3c4b5a69"}')
    redis.call('XADD', prefix .. ':audit', at .. '-2', 'call_id', id, 'entry', entry, 'event', state,
        'attempt', '1', 'worker', 'w1', 'at_ms', started_at, 'agent', 'agent', 'reason', reason, 'error', '')
end
"""


def fill(client, prefix, calls, first_ms, step_ms, dead_of):
    """One call each step; one of `dead_of` is lost. All are read and acknowledged."""
    script = client.register_script(FILL)
    for first in range(0, calls, AT_ONCE):
        script(keys=[prefix], args=[first_ms, step_ms, first, min(AT_ONCE, calls - first), dead_of])
    stream, dead = f"{prefix}:webhooks", -(-calls // dead_of)
    client.xgroup_create(stream, "workers", "$", entries_read=client.xinfo_stream(stream)["entries-added"])
    client.set(f"{prefix}:low", client.xinfo_stream(stream)["last-generated-id"])
    client.hset(f"{prefix}:counts", mapping={"started": calls - dead, "dead": dead, "dead:expired": dead,
                                             "waited:0.5": calls - dead})
