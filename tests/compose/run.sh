#!/usr/bin/env bash
# make test-compose: an engine where there is none, the tests, and the engine's end.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

trap '.ci/engine stop' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
.ci/engine start || exit 1
eval "$(.ci/engine env)"
/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/compose "$@"
