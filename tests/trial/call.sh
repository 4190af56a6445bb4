#!/usr/bin/env bash
# make call: rings once, at what `make run` or `docker compose up` has started here, and prints what
# became of the call.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
. "$ROOT/tests/trial/env.sh"
cd "$ROOT"

read_dotenv "$ROOT/.env"
if [ -f "$STATE/trial.env" ]; then
    choose_secret
    while IFS='=' read -r name value; do
        [ -z "$value" ] || declare -x "$name=$value"
    done <"$STATE/trial.env"
    [ -x "$BUILD/dialin-caller" ] || make --no-print-directory -s all >&2
    exec "$BUILD/dialin-caller" --url "$URL" --wait "$@"
fi
if command -v docker >/dev/null && docker compose ps --status running --services 2>/dev/null |
    grep -qx ingress; then
    exec docker compose run --rm caller --url http://ingress:7860/api/dial --wait "$@"
fi
echo "call: nothing is running here: start it with 'make run' or 'docker compose up'" >&2
exit 1
