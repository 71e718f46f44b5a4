#!/bin/sh
# Runs every check, also after one fails, and tells at the end which did.
#
# usage: tools/check.sh [--fix]        (in the repository's root; "./dev check" calls it)

set -eu

bin=.venv/bin
summary=
failures=0

run() { # NAME COMMAND...
    name=$1
    shift
    printf '== %s\n' "$name"
    if "$@"; then
        verdict=ok
    else
        verdict=FAILED
        failures=$((failures + 1))
    fi
    summary="$summary$(printf '%-8s %s' "$verdict" "$name")
"
}

format() {
    if [ "$fix" = 1 ]; then "$bin/ruff" format .; else "$bin/ruff" format --check --diff .; fi
}

lint() {
    if [ "$fix" = 1 ]; then "$bin/ruff" check --fix .; else "$bin/ruff" check .; fi
}

# mypy takes either the configured packages or paths, not both in one call.
folder_types() {
    folders=
    for folder in tests bench tools; do
        [ -z "$(find "$folder" -name '*.py' 2>/dev/null | head -n 1)" ] || folders="$folders $folder"
    done
    # shellcheck disable=SC2086 # a list of words
    [ -z "$folders" ] || "$bin/mypy" $folders
}

shell_syntax() {
    result=0
    for script in dev tools/*.sh .ci/*; do
        sh -n "$script" || result=1
    done
    if command -v shellcheck >/dev/null 2>&1; then
        shellcheck --severity warning dev tools/*.sh .ci/* || result=1
    fi
    return $result
}

case ${1:-} in
'') fix=0 ;;
--fix) fix=1 ;;
*)
    printf 'usage: ./dev check [--fix]\n' >&2
    exit 2
    ;;
esac

run 'lint (ruff check)' lint
run 'format (ruff format)' format
run 'types of the packages (mypy)' "$bin/mypy"
run 'types of tests, bench and tools (mypy)' folder_types
run 'import contracts (lint-imports)' "$bin/lint-imports" --no-logo
run 'job-side code (Python 3.8, standard library)' "$bin/python" tools/check_job_side.py
if [ -e tools/check_docs.py ]; then
    run 'docs' "$bin/python" tools/check_docs.py
fi
run 'shell scripts' shell_syntax

printf '\n%s' "$summary"
if [ "$failures" -gt 0 ]; then
    printf '%s of the checks above failed\n' "$failures" >&2
    exit 1
fi
