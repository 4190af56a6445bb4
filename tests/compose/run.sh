#!/usr/bin/env bash
# make test-compose: an engine if there is none, the tests, and the engine's end. --updates: make
# update-test. --deb: make test-deb.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

trap '.ci/engine stop' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
.ci/engine start || exit 1
eval "$(.ci/engine env)"
if [ "${1:-}" = --updates ]; then
    export COMPOSE_PROJECT_NAME=dialin-update-test DIALIN_TAG=update-test PORT=${PORT:-17860} COMPOSE_ENV_FILES=/dev/null
    docker compose build -q && docker compose up -d --wait >/dev/null 2>&1 && /usr/bin/python3 tests/compose/updates.py
    status=$?
    docker compose down -v >/dev/null 2>&1
    docker images --format '{{.Repository}}:{{.Tag}}' 'dialin-*:update-test' | xargs -r docker rmi -f >/dev/null
    exit $status
fi
if [ "${1:-}" = --deb ]; then
    /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/compose/deb.py
    exit $?
fi
/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/compose "$@"
