#!/usr/bin/env bash
# The first container of docker-compose.yml; it runs once before each start. Gives each service a volume
# with its secrets, a file for each, so that no secret stands in an environment.
#
# Makes a password for each user of Redis at the first start, and users.acl from users.acl.in, which
# has the rights of each. Passwords stay until their volumes are removed; rights follow the sources.
#
#   /auth/SERVICE      the volume of a service
#   /run/settings      NAME=VALUE lines that Compose fills in from the environment and .env
#   /run/secrets/NAME  the file that NAME_FILE names (of TLS_CERT and TLS_KEY: their own); empty if there is none
set -euo pipefail

OWNER=10001       # of our images' programs
REDIS_OWNER=999   # of Redis' image
HERE=$(dirname "$0")
DEMONSTRATION_SECRET=ZGlhbGluLWRlbW9uc3RyYXRpb24tc2VjcmV0LTAwMDE=

declare -A SETTINGS=(
    [ingress]="PINLESS_HMAC_SECRET INGRESS_API_KEY DAILY_WEBHOOK_SECRET SIP_TRUNK_SECRET"
    [worker]="START_API_KEY PIPECAT_CLOUD_API_KEY DAILY_API_KEY ALERT_URL"
    [audit]="PINLESS_HMAC_SECRET SIP_TRUNK_SECRET DAILY_WEBHOOK_SECRET START_API_KEY PIPECAT_CLOUD_API_KEY DAILY_API_KEY REPLAY_API_KEY"
    [caller]="PINLESS_HMAC_SECRET INGRESS_API_KEY SIP_TRUNK_SECRET"
    [board]="BOARD_TOKEN"
)
declare -A VALUES=()

# Writes standard input to a file that the owner alone may read, in one step.
put()
{
    local path=$1 owner=$2
    (umask 077 && cat >"$path.new")
    chown "$owner:$owner" "$path.new"
    mv "$path.new" "$path"
}

load_values()
{
    local line name
    while IFS= read -r line || [ -n "$line" ]; do
        [[ $line != *=* ]] || VALUES[${line%%=*}]=${line#*=}
    done <"$1"
    for path in /run/secrets/*; do
        name=${path##*/}
        [ -s "$path" ] && [[ $name != TLS_* ]] || continue
        if [ -n "${VALUES[$name]:-}" ]; then
            echo "setup: $name is set, and ${name}_FILE too: remove one of them" >&2
            exit 1
        fi
        VALUES[$name]=$(cat "$path")
    done
}

make_password()
{
    local path=/auth/redis/$1
    [ -s "$path" ] || od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' | put "$path" $REDIS_OWNER
}

# Prints what a user has in users.acl as it stands and lacks in the line LINE. make update sets KEEP_RIGHTS:
# until the old programs have left, they may do what they could.
earlier_rights()
{
    local user=$1 line=$2 right
    [ "${KEEP_RIGHTS:-}" = yes ] && [ -s /auth/redis/users.acl ] || return 0
    while IFS= read -r right; do
        [[ " $line " == *" $right "* ]] || printf ' %s' "$right"
    done < <(sed -n "s/^user $user //p" /auth/redis/users.acl | grep -oE '\([^)]*\)|\+[^ )]+')
}

# Prints users.acl: the rights of each user with the hash of its password, for each prefix in use.
print_acl()
{
    local user prefix=$1 hash
    while IFS= read -r line; do
        [[ $line == "user "* ]] || continue
        user=${line#user }
        user=${user%% *}
        line=${line//'{dialin}'/$prefix}
        if [[ $line == *PASSWORD* ]]; then
            hash=$(sha256sum <"/auth/redis/$user")
            line=${line/PASSWORD/#${hash%% *}}
        fi
        printf '%s\n' "$line$(earlier_rights "$user" "$line")"
    done <"$HERE/users.acl.in"
}

load_values /run/settings
prefix=${VALUES[REDIS_PREFIX]:-'{dialin}'}
case $prefix in
*[[:space:]\"\']*) echo "setup: REDIS_PREFIX must not hold blanks or quotes" >&2; exit 1 ;;
esac

chown $REDIS_OWNER:$REDIS_OWNER /auth/redis
for user in health ingress worker audit caller board actions operator; do
    make_password $user
done
print_acl "$prefix" | put /auth/redis/users.acl $REDIS_OWNER

for service in "${!SETTINGS[@]}"; do
    folder=/auth/$service
    chown $OWNER:$OWNER "$folder"
    for name in ${SETTINGS[$service]}; do
        printf %s "${VALUES[$name]:-}" | put "$folder/$name" $OWNER
    done
    url=${VALUES[REDIS_URL]:-redis://$service:$(cat /auth/redis/$service)@redis}
    printf %s "$url" | put "$folder/REDIS_URL" $OWNER
done
# Only a board that may act gets what acting needs.
actions=
if [ "${VALUES[BOARD_ACTIONS]:-}" = true ]; then
    actions=${VALUES[BOARD_ACTIONS_REDIS_URL]:-${VALUES[REDIS_URL]:-redis://actions:$(cat /auth/redis/actions)@redis}}
fi
printf %s "$actions" | put /auth/board/BOARD_ACTIONS_REDIS_URL $OWNER
# In the demonstration the caller signs, and the audit judges, by the public secret.
if [ -z "${VALUES[PINLESS_HMAC_SECRET]:-}${VALUES[INGRESS_API_KEY]:-}${VALUES[SIP_TRUNK_SECRET]:-}" ]; then
    for service in caller audit; do
        printf %s "$DEMONSTRATION_SECRET" | put /auth/$service/PINLESS_HMAC_SECRET $OWNER
    done
fi
# Certificate and key in one file, as haproxy reads it.
chown $OWNER:$OWNER /auth/proxy
if [ -s /run/secrets/TLS_CERT ] && [ -s /run/secrets/TLS_KEY ]; then
    { cat /run/secrets/TLS_CERT; echo; cat /run/secrets/TLS_KEY; } | put /auth/proxy/tls.pem $OWNER
elif [ -s /run/secrets/TLS_CERT ] || [ -s /run/secrets/TLS_KEY ]; then
    echo "setup: TLS_CERT and TLS_KEY belong together: set both, or none" >&2
    exit 1
else
    rm -f /auth/proxy/tls.pem
fi
chown $REDIS_OWNER:$REDIS_OWNER /auth/operator
put /auth/operator/password $REDIS_OWNER </auth/redis/operator
