#!/usr/bin/env bash
# make call ARGS="--count 10": rings once, or as ARGS say, at what `make run` or `docker compose up` has
# started here, and prints what became of the call.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
. "$ROOT/tests/trial/env.sh"
cd "$ROOT"

# Rings at what `make run` has started, with the settings that it noted down.
call_trial()
{
    local line
    read_dotenv "$ROOT/.env"
    while IFS= read -r line; do
        [ -z "${line#*=}" ] || declare -gx "$line"
    done <"$STATE/trial.env"
    [ -x "$BUILD/dialin-caller" ] || make --no-print-directory -s all >&2
    exec "$BUILD/dialin-caller" --url "$URL" --wait "$@"
}

compose_states()
{
    docker compose ps -a --format '{{.Service}} {{.Name}} {{.State}} {{.ExitCode}} {{.Health}}' 2>/dev/null |
        grep -vE '^(caller|audit|redis-cli) ' || true
}

# Says of each container that does not run as it should what it last wrote; false if there is one.
explain_compose()
{
    local service name state code health bad=0
    while read -r service name state code health; do
        case "$state $code $health" in
        restarting*) echo "call: $service ($name) ends and is started again and again. It says:" ;;
        "exited 0"* | created*) continue ;;
        exited*) echo "call: $service ($name) has ended with exit code $code. It says:" ;;
        *unhealthy) echo "call: $service ($name) runs, but is not ready. It says:" ;;
        *) continue ;;
        esac
        docker logs --tail 8 "$name" 2>&1 | sed 's/^/    /'
        bad=1
    done <<<"$1"
    return $bad
}

call_compose()
{
    if ! explain_compose "$1" >&2; then
        echo "call: mend this (.env, docker-compose.yml), then: docker compose up -d --wait" >&2
        exit 1
    fi
    if ! grep -q '^ingress [^ ]* running' <<<"$1"; then
        echo "call: the ingress is not running: docker compose up -d --wait" >&2
        exit 1
    fi
    shift
    exec docker compose run --rm caller --url http://proxy:7862/api/dial --wait "$@"
}

if [ -f "$STATE/trial.env" ]; then
    call_trial "$@"
fi
states=
! command -v docker >/dev/null || states=$(compose_states)
if [ -n "$states" ]; then
    call_compose "$states" "$@"
fi
echo "call: nothing is running here: start it with 'make run' or 'docker compose up'" >&2
exit 1
