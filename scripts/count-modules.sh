#!/bin/bash
# Lines of code of each protocol module: without blank lines, comments and tests.
#
#   scripts/count-modules.sh
#
# "own" are the lines of the files that only this module has, all of them. "shared" are those of files that
# several modules stand on, which a module outside the library may use as well. "goal" is what was promised
# for "own".
set -euo pipefail
cd "$(dirname "$0")/.."

# `#[cfg(test)]` at the left margin begins the tests at the foot of a file; before a `mod x_tests;` it is
# followed by that one line only
count() {
    cat "$@" /dev/null | awk '
        /^#\[cfg\(test\)\]/ { mark = 1; next }
        mark && /^mod [a-z0-9_]+;|^#\[path/ { if ($0 !~ /path/) mark = 0; next }
        mark && /^mod .*\{/ { mark = 0; tests = 1; next }
        tests { if (/^}/) tests = 0; next }
        /^[[:space:]]*(\/\/.*)?$/ { next }
        { n++ }
        END { print n + 0 }'
}

# the files of these names: a file, or a folder with all that is in it but tests
files() {
    local name
    for name in "$@"; do
        if [ -f "$name.rs" ]; then
            echo "$name.rs"
        elif [ -d "$name" ]; then
            find "$name" -name '*.rs' ! -name '*_tests.rs' | sort
        else
            echo "$0: no module $name" >&2
            exit 1
        fi
    done
}

counted=" mod "
row() {
    local name=$1 goal=$2 shared=$4
    local own=("$3") paths
    read -ra own <<< "$3"
    read -ra shared <<< "$4"
    paths=$(files "${own[@]}")
    # shellcheck disable=SC2086 # names of files without blanks
    local lines=$(count $paths) others=-
    if [ ${#shared[@]} -gt 0 ]; then
        paths=$(files "${shared[@]/#/src/protocol/}")
        # shellcheck disable=SC2086
        others=$(count $paths)
    fi
    local verdict=""
    [ "$goal" = - ] || [ "$lines" -le "$goal" ] || verdict="over"
    printf '%-16s %6s %6s %6s %-5s %s\n' "$name" "$lines" "$goal" "$others" "$verdict" \
        "${own[*]##*/}${shared:+ (shared: ${shared[*]})}"
    counted+="${own[*]##*/} ${shared[*]} "
}

printf '%-16s %6s %6s %6s       %s\n' module own goal shared files
row "memcached get" 100 src/protocol/memcached ""
row "memcached store" - src/protocol/memcached_store ""
row redis 250 "src/protocol/redis src/protocol/resp" "values json"
row fastcgi - src/protocol/fastcgi "cgi params"
row scgi 150 src/protocol/scgi "cgi params"
row uwsgi 200 src/protocol/uwsgi "cgi params"
row mysql 900 src/protocol/mysql "values json"
row proxy - src/protocol/http1 "names text"
row tunnel - src/protocol/tunnel ""
row "example echo" 60 examples/echo ""
row "example search" 60 examples/search ""

echo
echo "what they stand on:"
for path in src/protocol/*; do
    name=$(basename "$path" .rs)
    case "$name" in *_tests) continue ;; esac
    case "$counted" in *" $name "*) continue ;; esac
    # shellcheck disable=SC2046
    printf '%-16s %6s\n' "$name" "$(count $(files "src/protocol/$name"))"
done
