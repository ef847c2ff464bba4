#!/bin/bash
# Lines of code of each protocol module: without blank lines, comments and tests.
#
#   scripts/count-modules.sh src/protocol
set -euo pipefail
dir=${1:?the directory of the modules}

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

printf '%8s  %s\n' lines module
for path in "$dir"/*; do
    name=$(basename "$path" .rs)
    case "$name" in mod | *_tests) continue ;; esac
    if [ -d "$path" ]; then
        mapfile -t files < <(find "$path" -name '*.rs' ! -name '*_tests.rs' | sort)
    else
        files=("$path")
    fi
    printf '%8d  %s\n' "$(count "${files[@]}")" "$name"
done
