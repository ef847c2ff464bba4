#!/bin/bash
# Installs what is missing to build, test or measure Headwater, and nothing that is there already.
#
#   scripts/setup.sh build    a C compiler (for PCRE2) and cargo
#   scripts/setup.sh test     … and what the tests need
#   scripts/setup.sh bench    … and what the benchmarks need: wrk, the peers, strace, valgrind
#   scripts/setup.sh pgo      … and LLVM's tools of the compiler's version, for a build with a profile
#   scripts/setup.sh flame    … and perf
#   scripts/setup.sh PART…    … and the server of a part of the showcase: php, memcached, redis, mysql, uwsgi
#
# Debian and Ubuntu only (apt-get); elsewhere it names what is missing. No service is left running.
set -euo pipefail

missing=()

# Servers live in folders that an ordinary user's PATH may leave out.
PATH=$PATH:/usr/sbin:/sbin

# need COMMAND PACKAGE: remembers the package if the command is not there
need() {
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}

install_missing() {
    [ ${#missing[@]} -eq 0 ] && return
    echo "setup: installing ${missing[*]}"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: no apt-get here; please install: ${missing[*]}" >&2
        exit 1
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "setup: neither root nor sudo here; please install: ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    # Always: where the lists are missing nothing can be found, and old ones name files that are gone.
    "${as_root[@]}" apt-get update -qq
    # a package's service must not start: the tests run servers of their own
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        made=yes
    fi
    local status=0
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || status=$?
    [ -z "$made" ] || "${as_root[@]}" rm -f "$policy"
    [ "$status" -eq 0 ] || { echo "setup: apt-get failed" >&2; exit "$status"; }
    missing=()
}

# component NAME COMMAND: a part of the Rust toolchain
component() {
    cargo "$2" --version >/dev/null 2>&1 && return
    if ! command -v rustup >/dev/null 2>&1; then
        echo "setup: cargo $2 is missing; please install $1" >&2
        exit 1
    fi
    echo "setup: adding $1 to the Rust toolchain"
    rustup component add "$1"
}

need_build() {
    need cc gcc
    # the C library's own files and crypt(3), which gcc alone does not bring
    [ -e /usr/include/crypt.h ] || missing+=(libc6-dev libcrypt-dev)
    if ! command -v cargo >/dev/null 2>&1; then
        echo "setup: cargo is missing; https://rustup.rs installs it" >&2
        exit 1
    fi
}

need_test() {
    need_build
    component rustfmt fmt
    component clippy clippy
    # certificates for the tests of TLS
    need openssl openssl
    # the servers that tests of protocols start, and what runs the showcase
    need_part php memcached redis mysql uwsgi
}

# need_part PART…: what these parts of the showcase need
need_part() {
    need python3 python3
    need curl curl
    local part
    for part in "$@"; do
        case "$part" in
            php) compgen -G "/usr/sbin/php-fpm*" >/dev/null || missing+=(php-fpm) ;;
            memcached) need memcached memcached ;;
            redis) need redis-server redis-server ;;
            mysql) need mariadbd mariadb-server ;;
            uwsgi)
                need uwsgi uwsgi-core
                [ -e /usr/lib/uwsgi/plugins/python3_plugin.so ] || missing+=(uwsgi-plugin-python3)
                ;;
            *) usage ;;
        esac
    done
}

need_bench() {
    need_build
    need wrk wrk
    [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
    [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
    need memcached memcached
    need strace strace
    need valgrind valgrind
    need curl curl
    need taskset util-linux
    need python3 python3
}

need_pgo() {
    need_bench
    find "$(rustc --print sysroot)" -name llvm-profdata | grep -q . && return
    if ! command -v rustup >/dev/null 2>&1; then
        echo "setup: llvm-profdata of this compiler is missing; rustup brings it (llvm-tools)" >&2
        exit 1
    fi
    echo "setup: adding llvm-tools to the Rust toolchain"
    rustup component add llvm-tools
}

need_flame() {
    need_bench
    need perf linux-perf
}

usage() {
    echo "usage: $0 build | test | bench | pgo | flame | php | memcached | redis | mysql | uwsgi" >&2
    exit 2
}

case "${1:-}" in
    build) need_build ;;
    test) need_test ;;
    bench) need_bench ;;
    pgo) need_pgo ;;
    flame) need_flame ;;
    "") usage ;;
    *) need_part "$@" ;;
esac
install_missing
