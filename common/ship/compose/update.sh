#!/usr/bin/env bash
# make update: builds the images anew and replaces ingresses and workers of `docker compose up` one after
# the other, so that no webhook is refused. New ones start beside the old; only when all are ready and
# the proxy has found them do the old ones end. If a new one does not become ready, it is removed and
# the old ones go on. Settings in .env take effect too.
#
# Redis and the proxy are left as they are: what replaces them is `docker compose up -d`.
#   BUILD_IMAGES=no   does not build
set -euo pipefail
cd "$(dirname "$0")/../../.."

READY_TIMEOUT_S=120

say()
{
    echo "update: $*"
}

# Prints how many ingresses the proxy has found ready.
known_to_proxy()
{
    docker compose exec -T proxy bash -c 'exec 3<>/dev/tcp/127.0.0.1/7861 &&
        printf "GET /ready-ingresses HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' 2>/dev/null || echo 0
}

wait_for_proxy()
{
    local deadline=$((SECONDS + READY_TIMEOUT_S))
    until [ "$(known_to_proxy)" -ge "$1" ]; do
        [ $SECONDS -lt $deadline ] || { say "the proxy does not find the new ingresses" >&2; return 1; }
        sleep 0.2
    done
}

remove()
{
    [ $# = 0 ] || { docker stop "$@" && docker rm "$@"; } >/dev/null
}

# New settings and new rights of Redis' users.
set_up()
{
    docker compose run --rm -T --no-deps "$@" setup
    docker compose run --rm -T --no-deps redis-cli ACL LOAD >/dev/null
}

# Starts as many new containers of a service as it has, then ends the old ones.
replace()
{
    local service=$1 old new all
    mapfile -t old < <(docker compose ps -q "$service")
    [ ${#old[@]} -gt 0 ] || return 0
    say "$service: starting ${#old[@]} new"
    if ! docker compose up -d --no-deps --no-build --no-recreate --wait --wait-timeout $READY_TIMEOUT_S \
        --scale "$service=$((2 * ${#old[@]}))" "$service" >/dev/null 2>&1 ||
        { [ "$service" = ingress ] && ! wait_for_proxy $((2 * ${#old[@]})); }; then
        mapfile -t all < <(docker compose ps -aq "$service")
        for new in "${all[@]}"; do
            [[ " ${old[*]} " == *" $new "* ]] && continue
            docker logs --tail 5 "$new" 2>&1 | sed "s/^/    /" >&2
            remove "$new"
        done
        say "the new $service did not become ready (above is what it said): the old one goes on" >&2
        return 1
    fi
    say "$service: ending ${#old[@]} old"
    if [ "$service" = ingress ]; then
        for new in "${old[@]}"; do
            remove "$new"
        done
    else
        remove "${old[@]}"
    fi
}

if [ -z "$(docker compose ps -q --status running proxy 2>/dev/null)" ]; then
    say "nothing runs here yet: docker compose up -d --wait" >&2
    exit 1
fi
if [ "${BUILD_IMAGES:-}" != no ]; then
    say "building"
    docker compose build -q
fi
set_up -e KEEP_RIGHTS=yes
replace ingress
replace worker
others=$(docker compose config --services | grep -vxE 'setup|redis|proxy|ingress|worker' || true)
[ -z "$others" ] || docker compose up -d --no-deps --no-build $others >/dev/null 2>&1
set_up
say "done"
