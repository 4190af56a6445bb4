#!/bin/sh
# mend_aof.sh FOLDER COMMAND [ARGUMENT…]: before Redis starts, cuts off the transaction that a power cut
# left unfinished at the end of the append-only file in FOLDER; then becomes COMMAND.
#
# What one of our scripts writes is a transaction in that file. If its end is missing in the middle of a
# command, Redis and Valkey as they are in Debian 12 and 13 cut the command off and leave the beginning of
# the transaction. All that is written from then on counts as a part of it, and is lost at the next start,
# without an error (github.com/valkey-io/valkey/pull/4342). Nothing else is touched: a file that is damaged
# in another way is for Redis to refuse, and one that ends within a single command for Redis to mend.
set -u
END_OF_TRANSACTION=$(printf '\001\002EXEC\001\002') # with these in place of the line's end

folder=$1/appendonlydir
shift

say()
{
    echo "mend_aof: $*" >&2
}

# The tool's words of the last file, if that is not whole.
analysis()
{
    for tool in redis-check-aof valkey-check-aof; do
        if command -v "$tool" >/dev/null; then
            "$tool" "$1" 2>&1 | grep '^AOF analyzed:' | tail -n 1 | grep -v ' diff=0$'
            return
        fi
    done
}

# From there on: one MULTI, and no EXEC.
is_unfinished()
{
    [ "$(tail -c "+$(($2 + 1))" "$1" | head -c 15 | tr -d '\r\n')" = "*1\$5MULTI" ] &&
        ! tail -c "+$(($2 + 1))" "$1" | tr '\r\n' '\001\002' | grep -aq "$END_OF_TRANSACTION"
}

mend()
{
    words=$(analysis "$1") || return
    file=$folder/$(echo "$words" | sed 's/.*filename=\([^,]*\),.*/\1/')
    good=$(echo "$words" | sed 's/.* ok_up_to=\([0-9]*\),.*/\1/')
    case $file in *.incr.aof) ;; *) return ;; esac
    if [ -f "$file" ] && is_unfinished "$file" "$good"; then
        say "cuts off $(($(wc -c <"$file") - good)) bytes of $file: a transaction that a power cut left unfinished"
        truncate -s "$good" "$file" || say "cannot shorten $file"
    fi
}

for manifest in "$folder"/*.manifest; do
    [ ! -e "$manifest" ] || mend "$manifest"
done
exec "$@"
