#!/bin/bash
# Reloads a busy server again and again, with two workers, one, two, one…, and counts what went wrong.
#
#   scripts/reload-under-load.sh [-b BINARY] [-r RELOADS]
#
# Two loads run at once: one on kept connections, one that opens a connection for every request. A reload
# must not cost the second one a single request. Nor the first, if the server knows keepalive_min_timeout:
# then a connection that has just been used waits for one more request before it is closed. Without it a
# request may meet the close on its way, which HTTP allows and wrk counts as a failure. At the end only the
# workers of the last configuration may be left.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh" bench
binary=${HEADWATER_BIN:-${CARGO_TARGET_DIR:-$here/../target}/release/headwater}
reloads=20

while getopts b:r: option; do
    case $option in
        b) binary=$OPTARG ;;
        r) reloads=$OPTARG ;;
        *) exit 2 ;;
    esac
done

prefix=$(mktemp -d "${TMPDIR:-/tmp}/headwater-reload-XXXXXX")
chmod 755 "$prefix"
mkdir "$prefix/logs"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
master=

write_conf() {
    cat > "$prefix/nginx.conf" <<CONF
daemon off; pid nginx.pid; error_log error.log notice;
worker_processes $1;
events { worker_connections 2048; }
http {
    access_log off;
    server {
        listen 127.0.0.1:$port reuseport;
        $patience
        location / { return 200 "$1 workers\\n"; }
    }
}
CONF
}

# wait_for SECONDS COMMAND…: until the command succeeds
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "waited in vain for: $*" >&2; return 1; }
        sleep 0.05
    done
}

workers() {
    ps -o pid= --ppid "$master" | tr -d ' '
}

has_workers() {
    [ "$(workers | wc -l)" -eq "$1" ]
}

# a new set: as many workers as asked for that were not there before
renewed() {
    [ "$(comm -13 <(sort <<< "$old") <(workers | sort) | wc -l)" -eq "$1" ]
}

finish() {
    [ -z "$master" ] || { kill -QUIT "$master" 2>/dev/null && wait "$master"; } || true
    rm -rf "$prefix"
}
trap finish EXIT

patience='keepalive_min_timeout 5s;'
write_conf 2
if ! "$binary" -t -q -p "$prefix/" -c nginx.conf -e error.log 2>/dev/null; then
    echo "$binary does not know keepalive_min_timeout; kept connections may be closed under a request"
    patience=
    write_conf 2
fi
: > "$prefix/error.log"
"$binary" -p "$prefix/" -c nginx.conf -e error.log &
master=$!
wait_for 10 test -s "$prefix/nginx.pid"
wait_for 10 has_workers 2

seconds=$((reloads / 2 + 2))
wrk -t 1 -c 32 -d "${seconds}s" "http://127.0.0.1:$port/" > "$prefix/kept.txt" &
kept=$!
wrk -t 1 -c 32 -d "${seconds}s" -H 'Connection: close' "http://127.0.0.1:$port/" > "$prefix/fresh.txt" &
fresh=$!

count=2
for ((i = 1; i <= reloads; i++)); do
    sleep 0.4
    count=$((3 - count))
    old=$(workers)
    write_conf $count
    kill -HUP "$master"
    wait_for 10 renewed $count
done
wait "$kept" "$fresh"
# connections of the load are gone now, so old workers have nothing left to do
wait_for 10 has_workers $count || true

# failures FILE: socket errors and answers other than 2xx and 3xx, as wrk counts them
failures() {
    awk '/Socket errors/ { gsub(",", ""); n += $4 + $6 + $8 + $10 } /Non-2xx/ { n += $NF } END { print n + 0 }' "$1"
}

status=0
for load in kept fresh; do
    requests=$(awk '/requests in/ { print $1 }' "$prefix/$load.txt")
    failed=$(failures "$prefix/$load.txt")
    echo "$load connections: $requests requests, $failed failures"
    grep -E 'Socket errors|Non-2xx' "$prefix/$load.txt" || true
    [ "$load" = kept ] && [ -z "$patience" ] || [ "$failed" -eq 0 ] || status=1
done
left=$(workers | wc -l)
echo "after $reloads reloads: $left workers, $count configured"
[ "$left" -eq "$count" ] || status=1
if grep -E '\[(alert|crit|emerg)\]|panicked' "$prefix/error.log"; then
    status=1
fi
[ $status -eq 0 ] && echo "passed" || echo "FAILED"
exit $status
