# Sourced by run.sh and call.sh: .env, the folder of the trial, and whether this is the demonstration.
. "$ROOT/tests/trial/dotenv.sh"

STATE=$ROOT/.run
# The longest name of a socket is 107 bytes, and REDIS_URL takes no odd characters.
SOCKET=$STATE/redis.sock
if [ ${#SOCKET} -gt 100 ] || [[ $SOCKET == *[!A-Za-z0-9/._-]* ]]; then
    SOCKET=/tmp/dialin-$(id -u)-$(printf %s "$ROOT" | sha256sum | cut -c 1-16)/redis.sock
fi
BUILD=${BUILD:-$ROOT/build}
DEMONSTRATION_SECRET=$(sed -n 's/^#define SIGNATURE_DEMONSTRATION_SECRET "\(.*\)"/\1/p' \
    "$ROOT/common/webhook/signature.h")

# A setting of a live agent; any of them keeps the stand-in agent away.
AGENT_NAMES="START_URL START_API_KEY PIPECAT_CLOUD_API_KEY AGENT_NAME DAILY_API_KEY ROUTES_FILE"
# Other settings that are not the demonstration's own. docker-compose.yml has the same names.
OWN_NAMES="PINLESS_HMAC_SECRET INGRESS_API_KEY DAILY_WEBHOOK_SECRET SIP_TRUNK_SECRET TLS_CERT TLS_KEY
           REDIS_URL ALLOW_UNSIGNED"

# Exports what FILE sets and the environment does not.
read_dotenv()
{
    local name
    [ -e "$1" ] || return 0
    dotenv_parse "$1" || return 1
    for name in "${!DOTENV[@]}"; do
        # Other names, which no program of ours has, could not be exported.
        [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || continue
        dotenv_is_exported "$name" || export "$name=${DOTENV[$name]}"
    done
}

# Prints the first of the names that is set, itself or as NAME_FILE; false if none is.
first_set()
{
    local name
    for name in "$@"; do
        for name in "$name" "${name}_FILE"; do
            [ -z "${!name:-}" ] || { echo "$name"; return; }
        done
    done
    return 1
}

has_live_agent()
{
    first_set $AGENT_NAMES >/dev/null
}

# The public secret signs only if nothing of one's own is configured, so that it guards nothing real.
is_demonstration()
{
    local PINLESS_HMAC_SECRET=${PINLESS_HMAC_SECRET:-}
    [ "$PINLESS_HMAC_SECRET" != "$DEMONSTRATION_SECRET" ] || PINLESS_HMAC_SECRET=
    ! first_set $AGENT_NAMES $OWN_NAMES >/dev/null
}
