#!/usr/bin/env bash
# Builds TARGET/pgo/release/headwater with a profile: a first build counts how often each branch is taken while it
# proxies for some seconds, a second one arranges the code by those counts.
#
#   scripts/pgo.sh TARGET-DIRECTORY
#
# Needs wrk, and LLVM's tools of the same version as the compiler: rustup component add llvm-tools
set -euo pipefail

target=$(realpath -m "${1:?target directory}")
port=${PGO_PORT:-8461}
profdata=$(find "$(rustc --print sysroot)" -name llvm-profdata | head -n 1)
[ -n "$profdata" ] || { echo "pgo: no llvm-profdata; try: rustup component add llvm-tools" >&2; exit 1; }
command -v wrk > /dev/null || { echo "pgo: no wrk; install the package wrk" >&2; exit 1; }

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/logs"
chmod 755 "$work"

echo "pgo: building a binary that counts"
RUSTFLAGS="-Cprofile-generate=$work/counts" CARGO_TARGET_DIR="$target/pgo" \
  cargo build --release --quiet --bin headwater

# One process is proxy and origin: small replies, larger ones, one with its own connection each, bodies.
cat > "$work/nginx.conf" << CONF
daemon off; master_process off; pid $work/pid; error_log $work/error.log;
events { }
http {
  access_log $work/access.log;
  keepalive_requests 10000000;
  upstream origin { server 127.0.0.1:$((port + 1)); keepalive 32; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:$port;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /fresh { proxy_pass http://origin; }
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
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
  kill -0 "$server" || { echo "pgo: the server did not start" >&2; exit 1; }
  sleep 0.1
done
echo "pgo: putting it to work"
agent='User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0'
for path in '/a/b?c=d' /large /fresh; do
  wrk -t1 -c32 -d4 -H "$agent" -H 'Accept: */*' -H 'Cookie: session=0123456789' \
    "http://127.0.0.1:$port$path" > /dev/null
done
wrk -t1 -c32 -d2 -s "$work/post.lua" "http://127.0.0.1:$port/post" > /dev/null
kill -QUIT "$server"
wait "$server" || true
server=

"$profdata" merge -o "$target/pgo/headwater.profdata" "$work/counts"
echo "pgo: building with what was counted"
RUSTFLAGS="-Cprofile-use=$target/pgo/headwater.profdata" CARGO_TARGET_DIR="$target/pgo" \
  cargo build --release --quiet --bin headwater
echo "pgo: $target/pgo/release/headwater"
