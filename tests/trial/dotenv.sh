#!/usr/bin/env bash
# Reads a .env file as Docker Compose and python-dotenv read it, without running it.
#
#   . dotenv.sh; dotenv_parse FILE      fills the array DOTENV (name to value); false after an error
#   dotenv.sh FILE                      prints NAME=VALUE, each ended by a NUL byte
#
# The environment wins over the file, in ${NAME} too. Some lines mean one thing to Compose and another
# to python-dotenv ($NAME, an escaped \$, YAML's colon). Such a line is an error here, like a line that
# neither reads: a secret that is misread is worse than a start that stops. Errors name the line and
# never show a value.

# What one of these expands to is the same in both.
DOTENV_REFERENCE='^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}$]*))?\}'
DOTENV_NAME='^[]A-Za-z0-9_.[-]+$'

declare -gA DOTENV=()

dotenv_error()
{
    echo "$DOTENV_FILE: line $DOTENV_LINE: $*" >&2
    return 1
}

dotenv_is_exported()
{
    [[ $1 =~ ^[A-Za-z_][A-Za-z0-9_]*$ && $(declare -p "$1" 2>/dev/null) =~ ^declare\ -[a-zA-Z]*x ]]
}

# Prints the value of NAME, or DEFAULT if it is unset or empty. The caller appends a byte to keep
# trailing newlines.
dotenv_lookup()
{
    local found=${DOTENV[$1]-}
    ! dotenv_is_exported "$1" || found=${!1}
    printf '%s' "${found:-$2}"
}

# Expands the text TEXT into DOTENV_VALUE. ESCAPES is yes inside double quotes.
dotenv_expand()
{
    local rest=$1 escapes=$2 looked_up
    DOTENV_VALUE=
    while [[ $rest =~ ^([^\\$]*)([\\$]) ]]; do
        DOTENV_VALUE+=${BASH_REMATCH[1]}
        rest=${rest:${#BASH_REMATCH[1]}}
        if [[ $rest == \\* ]]; then
            dotenv_escape "${rest:1:1}" "$escapes" || return 1
            # An escape consumes two bytes, a plain backslash one.
            rest=${rest:$DOTENV_CONSUMED}
        elif [[ $rest =~ $DOTENV_REFERENCE ]]; then
            rest=${rest:${#BASH_REMATCH[0]}}
            looked_up=$(dotenv_lookup "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" && printf x)
            DOTENV_VALUE+=${looked_up%x}
        else
            dotenv_error "\$ is read differently by Compose and python-dotenv here:" \
                "write \${NAME}, \${NAME:-default}, or put single quotes around the value"
            return 1
        fi
    done
    DOTENV_VALUE+=$rest
}

dotenv_escape()
{
    local char=$1 escapes=$2 decoded
    DOTENV_CONSUMED=1
    if [ "$escapes" = no ]; then
        DOTENV_VALUE+=\\
        return
    fi
    case $char in
    [\\\"]) decoded=$char ;;
    [abfnrtv]) printf -v decoded "\\$char" ;;
    [\'\$0])
        dotenv_error "\\$char in double quotes is read differently by Compose and python-dotenv:" \
            "use single quotes"
        return 1
        ;;
    *)
        DOTENV_VALUE+=\\
        return
        ;;
    esac
    DOTENV_VALUE+=$decoded
    DOTENV_CONSUMED=2
}

# Takes the quoted text at the start of $1, and as many further lines as it needs, into
# DOTENV_QUOTED; moves DOTENV_NEXT behind the last of them. $2 is the quote.
dotenv_quoted()
{
    local text=${1:1} quote=$2
    DOTENV_QUOTED=
    while :; do
        while [[ $text =~ ^([^\\$quote]*)(\\.|\\$|$quote) ]]; do
            DOTENV_QUOTED+=${BASH_REMATCH[1]}
            text=${text:${#BASH_REMATCH[0]}}
            [ "${BASH_REMATCH[2]}" != "$quote" ] || { dotenv_after_quote "$text"; return; }
            if [[ $quote == \' && ${BASH_REMATCH[2]} == \\\\ ]]; then
                dotenv_error "\\\\ in single quotes is read differently by Compose and python-dotenv"
                return 1
            elif [[ $quote == \' && ${BASH_REMATCH[2]} == \\\' ]]; then
                DOTENV_QUOTED+=\'
            else
                DOTENV_QUOTED+=${BASH_REMATCH[2]}
            fi
        done
        if ((DOTENV_NEXT >= ${#DOTENV_LINES[@]})); then
            dotenv_error "the $quote that begins the value has no end"
            return 1
        fi
        DOTENV_QUOTED+=$text$'\n'
        text=${DOTENV_LINES[DOTENV_NEXT++]%$'\r'}
    done
}

dotenv_after_quote()
{
    [[ $1 =~ ^[[:space:]]*(#.*)?$ ]] ||
        dotenv_error "there is text behind the closing quote; only a # comment may stand there"
}

# Compose begins a comment at a blank and #, python-dotenv also at a tab and #.
dotenv_unquoted()
{
    local compose=${1%%' #'*} python=${1%%[[:space:]]#*}
    compose=${compose%"${compose##*[![:space:]]}"}
    python=${python%"${python##*[![:space:]]}"}
    if [ "$compose" != "$python" ]; then
        dotenv_error "put a blank, not a tab, before the # of a comment"
        return 1
    fi
    dotenv_expand "$compose" no
}

# Reads the value TEXT, what stands behind the equals sign, into DOTENV_VALUE.
dotenv_value()
{
    local text=$1
    case $text in
    \"*)
        dotenv_quoted "$text" \" && dotenv_expand "$DOTENV_QUOTED" yes
        ;;
    \'*)
        dotenv_quoted "$text" \' || return 1
        DOTENV_VALUE=$DOTENV_QUOTED
        [[ $DOTENV_VALUE != *'${'* ]] ||
            dotenv_error "\${…} in single quotes is read differently by Compose and python-dotenv"
        ;;
    *)
        dotenv_unquoted "$text"
        ;;
    esac
}

dotenv_statement()
{
    local line=$1
    [[ $line =~ ^(export[[:blank:]]+)?([^=:#[:space:]]+)[[:blank:]]*(=[[:blank:]]*(.*))?$ ]] ||
        { dotenv_error "is not NAME=VALUE, a comment, or empty"; return 1; }
    local name=${BASH_REMATCH[2]} assigned=${BASH_REMATCH[3]} text=${BASH_REMATCH[4]}
    [[ $name =~ $DOTENV_NAME ]] || { dotenv_error "$name cannot be the name of a variable"; return 1; }
    # A name alone is taken from the environment.
    [ -n "$assigned" ] || return 0
    dotenv_value "$text" || return 1
    DOTENV["$name"]=$DOTENV_VALUE
}

dotenv_parse()
{
    local LC_ALL=C line
    DOTENV=()
    DOTENV_FILE=$1
    DOTENV_LINE=1
    DOTENV_NEXT=0
    if [ -d "$1" ] || [ ! -r "$1" ]; then
        echo "$1: cannot be read" >&2
        return 1
    fi
    if [ "$(tr -d '\0' <"$1" | wc -c)" != "$(wc -c <"$1")" ]; then
        dotenv_error "holds NUL bytes; save it as UTF-8, not as UTF-16"
        return 1
    fi
    mapfile -t DOTENV_LINES <"$1"
    [ ${#DOTENV_LINES[@]} = 0 ] || DOTENV_LINES[0]=${DOTENV_LINES[0]#$'\xef\xbb\xbf'}
    while ((DOTENV_NEXT < ${#DOTENV_LINES[@]})); do
        line=${DOTENV_LINES[DOTENV_NEXT++]%$'\r'}
        DOTENV_LINE=$DOTENV_NEXT
        line=${line#"${line%%[![:space:]]*}"}
        [ -z "$line" ] || [[ $line == \#* ]] || dotenv_statement "$line" || return 1
    done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# = 1 ] || { echo "usage: dotenv.sh FILE" >&2; exit 2; }
    dotenv_parse "$1" || exit 1
    for name in "${!DOTENV[@]}"; do
        printf '%s=%s\0' "$name" "${DOTENV[$name]}"
    done
fi
