#!/bin/bash
# Runs one independent single-worker server per core, all on the same port. No master process is involved:
# the kernel spreads connections over the sockets, because each listens with SO_REUSEPORT. Ctrl-C stops all.
#
#   scripts/run-per-core.sh [-n INSTANCES] [-b BINARY] [-c CONFIGURATION] [-p PREFIX]
#
# The configuration must say `reuseport` in every `listen`, and leave daemon, master_process, pid and
# worker_processes to this script; without -c it is a page with the number of the process that answered.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=${HEADWATER_BIN:-$here/../target/release/headwater}
prefix=${TMPDIR:-/tmp}/headwater-per-core
conf=
mapfile -t cores < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
instances=${#cores[@]}

while getopts n:b:c:p: option; do
    case $option in
        n) instances=$OPTARG ;;
        b) binary=$OPTARG ;;
        c) conf=$(realpath "$OPTARG") ;;
        p) prefix=$OPTARG ;;
        *) exit 2 ;;
    esac
done

mkdir -p "$prefix/logs"
if [ -z "$conf" ]; then
    conf=$prefix/per-core.conf
    cat > "$conf" <<'CONF'
events { }
http {
    access_log off;
    server {
        listen 127.0.0.1:8090 reuseport;
        return 200 "process $pid\n";
    }
}
CONF
    echo "try: for i in 1 2 3 4 5 6 7 8; do curl -s http://127.0.0.1:8090/; done"
fi

pids=()
stop_all() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do
        kill -QUIT "$pid" 2>/dev/null || true
    done
    wait || true
    echo "stopped ${#pids[@]} instances"
}
trap 'stop_all; exit 0' INT TERM
trap stop_all EXIT

for ((i = 0; i < instances; i++)); do
    core=${cores[i % ${#cores[@]}]}
    taskset -c "$core" "$binary" -p "$prefix/" -c "$conf" -e "error-$i.log" \
        -g "daemon off; master_process off; pid instance-$i.pid;" &
    pids+=($!)
    echo "instance $i is process $!, on core $core, and logs to $prefix/error-$i.log"
done
# one that ends by itself ends them all: a supervisor should see it
wait -n || true
echo "an instance ended; stopping the others" >&2
exit 1
