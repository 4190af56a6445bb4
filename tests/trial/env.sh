# Sourced by run.sh and call.sh: .env, the folder of the trial, and the demonstration secret.

STATE=$ROOT/.run
# The longest name of a socket is 107 bytes, and REDIS_URL takes no odd characters.
SOCKET=$STATE/redis.sock
if [ ${#SOCKET} -gt 100 ] || [[ $SOCKET == *[!A-Za-z0-9/._-]* ]]; then
    SOCKET=/tmp/dialin-$(id -u)-$(printf %s "$ROOT" | sha256sum | cut -c 1-16)/redis.sock
fi
BUILD=${BUILD:-$ROOT/build}
DEMONSTRATION_SECRET=$(sed -n 's/^#define SIGNATURE_DEMONSTRATION_SECRET "\(.*\)"/\1/p' \
    "$ROOT/common/webhook/signature.h")

# Reads NAME=VALUE lines as docker compose does, without running them; the environment wins.
read_dotenv()
{
    local line name value
    [ -f "$1" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#export }
        [[ $line =~ ^([A-Za-z_][A-Za-z_0-9]*)=(.*)$ ]] || continue
        name=${BASH_REMATCH[1]}
        value=${BASH_REMATCH[2]}
        value=${value%$'\r'}
        if [[ $value =~ ^\"([^\"]*)\" || $value =~ ^\'([^\']*)\' ]]; then
            value=${BASH_REMATCH[1]}
        else
            value=${value%%[[:space:]]#*}
            value=${value%"${value##*[![:space:]]}"}
        fi
        [ -n "${!name:-}" ] || export "$name=$value"
    done <"$1"
}

# Without a secret of one's own the public one signs; never for a live agent.
choose_secret()
{
    if [ -z "${PINLESS_HMAC_SECRET:-}${PINLESS_HMAC_SECRET_FILE:-}${ALLOW_UNSIGNED:-}" ] &&
        [ -z "${INGRESS_API_KEY:-}${INGRESS_API_KEY_FILE:-}" ]; then
        export PINLESS_HMAC_SECRET=$DEMONSTRATION_SECRET
    fi
}

has_live_agent()
{
    [ -n "${START_URL:-}${START_URL_FILE:-}${PIPECAT_CLOUD_API_KEY:-}${PIPECAT_CLOUD_API_KEY_FILE:-}" ]
}
