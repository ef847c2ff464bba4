#!/bin/bash
# Runs scripts/demo.conf in the foreground from a scratch prefix and says what to try.
#
#   scripts/run-demo.sh BINARY PREFIX [PORT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?the binary to run}
prefix=${2:?a directory for logs and temporary files}
port=${3:-8080}

mkdir -p "$prefix/logs"
prefix=$(cd "$prefix" && pwd)
sed "s/127\.0\.0\.1:8080/127.0.0.1:$port/" "$here/demo.conf" > "$prefix/demo.conf"

cat <<TEXT
Headwater is about to listen on http://127.0.0.1:$port/ with three origins behind it (ports 8081 to 8083).

  curl -i http://127.0.0.1:$port/          an origin's answer; the origins take turns, and one of them
                                        fails now and then: you still get 200, and the log below shows
                                        both the origin that failed and the one that answered
  curl -i http://127.0.0.1:$port/headers   what Headwater tells an origin about you
  curl -N http://127.0.0.1:$port/stream    a slow answer, passed on as it comes (proxy_buffering off)
  curl -i http://127.0.0.1:$port/down      a group of which nobody is there: 502 with a page of its own
  wrk -c 64 http://127.0.0.1:$port/        load; the error log tells when an origin is put aside

The lines below are the error log and the access log ($prefix/demo.conf is what runs).
Ctrl-C stops it.

TEXT
exec "$binary" -p "$prefix/" -c demo.conf -e stderr -g 'daemon off; pid demo.pid;'
