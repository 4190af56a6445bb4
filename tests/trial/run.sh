#!/usr/bin/env bash
# make run: a private Redis, ingress, worker, board and agent in the foreground; Ctrl-C ends all.
#
# Takes every variable of the README from the environment and from .env. With REDIS_URL set it uses
# that Redis and starts none. With a setting of a live agent the calls go there and no stand-in agent
# is started. The public demonstration secret signs only if nothing of one's own is configured. The
# private Redis keeps its data in .run/redis, the ingress its spool in .run/spool.
set -uo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
. "$ROOT/tests/trial/env.sh"
cd "$ROOT" || exit 1

read_dotenv "$ROOT/.env" || { echo "run: mend .env first; nothing was started" >&2; exit 1; }
mkdir -p "$STATE"
chmod 700 "$STATE"
for program in ingress worker board agent; do
    [ -x "$BUILD/dialin-$program" ] || { echo "run: $BUILD/dialin-$program is missing: call 'make run'" >&2; exit 1; }
done

# What is started keeps the lock too, so that nothing else ever opens the same Redis data.
exec 9>"$STATE/lock"
flock -n 9 || {
    echo "run: another 'make run' is running here, or what it started is: end that first" >&2
    exit 1
}

# Started in order, ended in the reverse order.
names=()
pids=()

say()
{
    echo "run: $*"
}

start()
{
    local name=$1
    shift
    "$@" &
    names+=("$name")
    pids+=($!)
}

stop_all()
{
    local i
    trap '' INT TERM HUP
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill -TERM "${pids[i]}" 2>/dev/null
        wait "${pids[i]}" 2>/dev/null
    done
    rm -f "$STATE/trial.env" "$SOCKET"
}

fail()
{
    say "$*" >&2
    stop_all
    exit 1
}

# Waits until a command succeeds; fails if process number $1 has ended before.
wait_for()
{
    local index=$1 what=$2
    shift 2
    for _ in $(seq 200); do
        [ -z "$ended" ] || { stop_all; exit 0; }
        "$@" >/dev/null 2>&1 && return
        kill -0 "${pids[index]}" 2>/dev/null || fail "$what did not start; see there, or above"
        sleep 0.05
    done
    fail "$what does not answer"
}

answers()
{
    exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n' "$2" >&3 &&
        read -r line <&3 && exec 3>&- && [[ $line == *' 200 '* ]]
}

is_free()
{
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

need_free()
{
    is_free "$2" || fail "port $2 is taken already: end what listens there, or set $1 to another port"
}

ended=
trap 'ended=signal' INT TERM HUP

port=${PORT:-7860}
admin_port=${ADMIN_PORT:-9464}
# One ADMIN_PORT cannot serve three processes on one machine: worker and board get the next ones.
worker_admin_port=$((admin_port == 0 ? 0 : admin_port + 1))
board_port=${BOARD_PORT:-7861}
board_admin_port=$((admin_port == 0 ? 0 : admin_port + 2))
need_free PORT "$port"
need_free BOARD_PORT "$board_port"
if [ "$admin_port" != 0 ]; then
    need_free ADMIN_PORT "$admin_port"
    need_free ADMIN_PORT "$worker_admin_port"
    need_free ADMIN_PORT "$board_admin_port"
fi

say "send webhooks to http://127.0.0.1:$port/api/dial"
say "see who waits and what became of each call: http://127.0.0.1:$board_port/"
say "ring once and see what becomes of the call: make call (in another terminal)"
say "let Daily reach it: put a TLS proxy or a tunnel in front (README, 'How Daily reaches it')"
if is_demonstration; then
    export DEMO_SECRET=allowed PINLESS_HMAC_SECRET=$DEMONSTRATION_SECRET
    say "this is the demonstration: the public secret signs, a stand-in agent takes the calls; for real" \
        "ones set PINLESS_HMAC_SECRET, and PIPECAT_CLOUD_API_KEY and AGENT_NAME, or START_URL, in .env"
else
    unset DEMO_SECRET
    has_live_agent ||
        say "WARNING: a stand-in agent takes the calls and connects nobody: $(first_set $OWN_NAMES) is" \
            "set, but no agent; set PIPECAT_CLOUD_API_KEY and AGENT_NAME, or START_URL, before real" \
            "callers ring" >&2
fi

# Each gets a session of its own: Ctrl-C reaches this script only, which ends them in order.
if [ -z "${REDIS_URL:-}${REDIS_URL_FILE:-}" ]; then
    mkdir -p "$STATE/redis"
    mkdir -m 700 -p "$(dirname "$SOCKET")"
    [ -O "$(dirname "$SOCKET")" ] || fail "$(dirname "$SOCKET") belongs to somebody else"
    start redis setsid common/ship/compose/mend_aof.sh "$STATE/redis" redis-server --port 0 \
        --unixsocket "$SOCKET" --unixsocketperm 700 --dir "$STATE/redis" --appendonly yes --appendfsync always --save '' \
        --maxmemory-policy noeviction --logfile "$STATE/redis.log"
    wait_for 0 "Redis ($STATE/redis.log)" redis-cli -s "$SOCKET" ping
    export REDIS_URL=unix://$SOCKET
fi
if ! has_live_agent; then
    agent_port=${AGENT_PORT:-7870}
    need_free AGENT_PORT "$agent_port"
    start agent setsid "$BUILD/dialin-agent" --port "$agent_port"
    wait_for $((${#pids[@]} - 1)) "the agent" answers "$agent_port" /healthz
    export DEMO_START_URL=http://127.0.0.1:$agent_port/start
fi
export LISTEN_ADDR=${LISTEN_ADDR:-127.0.0.1}
ADMIN_PORT=$worker_admin_port start worker setsid "$BUILD/dialin-worker"
worker=$((${#pids[@]} - 1))
# On loopback whatever LISTEN_ADDR is: it shows every call.
LISTEN_ADDR=127.0.0.1 PORT=$board_port ADMIN_PORT=$board_admin_port start board setsid "$BUILD/dialin-board"
board=$((${#pids[@]} - 1))
export SPOOL_DIR=${SPOOL_DIR:-$STATE/spool}
mkdir -m 700 -p "$SPOOL_DIR"
ADMIN_PORT=$admin_port start ingress setsid "$BUILD/dialin-ingress"
ingress=$((${#pids[@]} - 1))
if [ "$admin_port" != 0 ]; then
    wait_for $board "the board" answers "$board_admin_port" /readyz
    wait_for $worker "the worker" answers "$worker_admin_port" /readyz
    wait_for $ingress "the ingress" answers "$admin_port" /readyz
else
    wait_for $ingress "the ingress" answers "$port" /healthz
fi

# What call.sh needs to know. A secret of one's own stays in the environment and .env.
{
    printf 'REDIS_URL=%s\nURL=http://127.0.0.1:%s/api/dial\nREDIS_PREFIX=%s\n' "${REDIS_URL:-}" "$port" \
        "${REDIS_PREFIX:-}"
    [ "${DEMO_SECRET:-}" != allowed ] || printf 'PINLESS_HMAC_SECRET=%s\n' "$DEMONSTRATION_SECRET"
} >"$STATE/trial.env"

say "ready; Ctrl-C ends all"

status=0
while [ -z "$ended" ]; do
    wait -n -p gone "${pids[@]}"
    status=$?
    [ -n "$ended" ] && break
    for i in "${!pids[@]}"; do
        if [ "${pids[i]}" = "${gone:-}" ]; then
            say "${names[i]} ended by itself (exit code $status): ending the others" >&2
            status=1
            ended=$gone
        fi
    done
done
[ "$ended" = signal ] && status=0
stop_all
say "all ended"
exit $status
