#!/usr/bin/env bash
# install.sh FOLDER: what the browser tests need of npm, with the scripts that use it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cp "$here"/*.mjs "$1"
if ! cmp -s "$here/package-lock.json" "$1/package-lock.json" || [ ! -d "$1/node_modules" ]; then
    cp "$here/package.json" "$here/package-lock.json" "$1"
    log=$(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund 2>&1) || {
        rm -rf "$1/package-lock.json"
        echo "$log" >&2
        exit 1
    }
fi
