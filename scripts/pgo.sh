#!/usr/bin/env bash
# Builds TARGET/pgo/release/headwater with a profile: a first build counts how often each branch is taken while it
# proxies for some seconds, a second one arranges the code by those counts.
#
#   scripts/pgo.sh TARGET-DIRECTORY
#
# Needs what `scripts/setup.sh pgo` installs. What the profile has not seen becomes small instead of fast, so the
# load has a little of everything that many requests go through.
set -euo pipefail

target=$(realpath -m "${1:?target directory}")
port=${PGO_PORT:-$((20000 + RANDOM % 10000))}
profdata=$(find "$(rustc --print sysroot)" -name llvm-profdata | head -n 1)
[ -n "$profdata" ] || { echo "pgo: no llvm-profdata; try: scripts/setup.sh pgo" >&2; exit 1; }

work=$(mktemp -d)
server= cache=
trap 'for pid in $server $cache; do kill "$pid" 2> /dev/null || true; done; rm -rf "$work"' EXIT
mkdir "$work/logs"
chmod 755 "$work"

echo "pgo: building a binary that counts"
RUSTFLAGS="-Cprofile-generate=$work/counts" CARGO_TARGET_DIR="$target/pgo" \
  cargo build --release --quiet --bin headwater

# One process is proxy and origin: small replies, larger ones, compressed ones, fresh connections on both sides,
# bodies, and memcached.
cat > "$work/nginx.conf" << CONF
daemon off; master_process off; pid $work/pid; error_log $work/error.log;
events { }
http {
  access_log $work/access.log;
  keepalive_requests 10000000;
  upstream origin { server 127.0.0.1:$((port + 1)); keepalive 32; keepalive_requests 10000000; }
  upstream memcached { server 127.0.0.1:$((port + 2)); keepalive 32; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:$port;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /fresh { proxy_pass http://origin; }
    location /gzip {
      gzip on; gzip_types *;
      proxy_pass http://origin/large; proxy_http_version 1.1; proxy_set_header Connection "";
    }
    location /streamed {
      proxy_buffering off;
      proxy_pass http://origin/large; proxy_http_version 1.1; proxy_set_header Connection "";
    }
    location /key { set \$memcached_key \$uri; memcached_pass memcached; }
  }
  server {
    listen 127.0.0.1:$((port + 1));
    location / { return 200 "a hundred bytes or so, which is what the answer of an interface often comes to\n"; }
    location /large { root $work; try_files /large =404; }
  }
}
CONF
head -c 16384 /dev/urandom > "$work/large"
echo 'wrk.method = "POST"; wrk.body = string.rep("x", 4000)' > "$work/post.lua"

"$target/pgo/release/headwater" -p "$work" -c "$work/nginx.conf" &
server=$!
memcached -l 127.0.0.1 -p $((port + 2)) -U 0 -u "$(id -un)" &
cache=$!
for at in "$port:$server" "$((port + 2)):$cache"; do
  until (exec 3<> "/dev/tcp/127.0.0.1/${at%:*}") 2> /dev/null; do
    kill -0 "${at#*:}" || { echo "pgo: a server did not start" >&2; exit 1; }
    sleep 0.1
  done
done
exec 3<> "/dev/tcp/127.0.0.1/$((port + 2))"
printf 'set /key 0 0 1024\r\n%01024d\r\n' 0 >&3
read -r stored <&3
[[ $stored == STORED* ]] || { echo "pgo: memcached said: $stored" >&2; exit 1; }
echo "pgo: putting it to work"
agent='User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0'
load() {
  local seconds=$1 path=$2
  shift 2
  wrk -t1 -c32 "-d$seconds" -H "$agent" -H 'Accept: */*' -H 'Cookie: session=0123456789' "$@" \
    "http://127.0.0.1:$port$path" > /dev/null
}
load 4 '/a/b?c=d'
load 2 /large
load 2 /fresh
load 2 /key
load 1 /streamed
load 1 /gzip -H 'Accept-Encoding: gzip'
load 1 /a -H 'Connection: close'
load 1 /post -s "$work/post.lua"
kill -QUIT "$server"
wait "$server" || true
server=

"$profdata" merge -o "$target/pgo/headwater.profdata" "$work/counts"
echo "pgo: building with what was counted"
RUSTFLAGS="-Cprofile-use=$target/pgo/headwater.profdata" CARGO_TARGET_DIR="$target/pgo" \
  cargo build --release --quiet --bin headwater
echo "pgo: $target/pgo/release/headwater"
