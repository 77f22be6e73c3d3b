#!/usr/bin/env bash
# The C programs of the tests, and the random calls, under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer of each
# compiler, and under valgrind. ci/capi.sh runs it with the prefix into which it installed; without one, it installs for itself.
#   ci/capi_sanitizers.sh [PREFIX [SECONDS]]     SECONDS: how long the random calls last, 10 by default
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

work=$(mktemp -d)
place=$(mktemp -d /dev/shm/ndsharray-sanitizers-XXXXXX)
trap 'rm -rf "$work" "$place"' EXIT
prefix=${1:-}
seconds=${2:-10}
if [ -z "$prefix" ]; then
    prefix=$work/prefix
    capi/install.sh --prefix "$prefix" >/dev/null
fi
export LD_LIBRARY_PATH="$prefix/lib"
strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror -D_GNU_SOURCE -pthread -g "-I$prefix/include")
libraries=("-L$prefix/lib" -lndsharray -ldl)
passed=0

# Runs a program with a store of its own; nothing may be left in that.
run() {
    local store
    store=$(mktemp -d "$place/XXXXXX")
    if ! timeout --kill-after=5 $((600 + seconds)) "$@" "$store" "${more[@]}" >"$work/log" 2>&1; then
        # Valgrind 3.19 may lose count of the names of mapped files, and then stops itself: it has said nothing of the program.
        if grep -q 'aspacem Valgrind: FATAL: aspacem assertion failed' "$work/log"; then
            printf '\nskipped: %s: valgrind stopped at an assertion of its own\n' "$*"
            rm -rf "$store"
            return 1
        fi
        grep -v -e 'unhandled amd64-linux syscall: 449' -e 'write your own handler' -e README_MISSING_SYSCALL \
            -e 'consider this a bug' -e valgrind.org/support "$work/log" | head -c 20000
        echo "$* failed"
        exit 1
    fi
    rmdir "$store"
    passed=$((passed + 1))
}

# The library itself is not instrumented, but its allocations are those of malloc: leaks, double frees and reads beyond what it
# allocated are seen, in either of them.
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null; then
        printf '\nskipped: the sanitizers of %s: it is not installed\n' "$compiler"
        continue
    fi
    checks=(-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if ! echo 'int main(void) { return 0; }' | "$compiler" -x c - "${checks[@]}" -o "$work/probe" 2>/dev/null; then
        printf '\nskipped: the sanitizers of %s: their libraries are not installed\n' "$compiler"
        continue
    fi
    for source in capi/tests/c/*.c capi/tests/fuzz/fuzz.c; do
        name=$(basename "$source" .c)
        # The sanitizer's malloc does not know of forks: if another thread allocates at that moment, its lock stays taken in the child,
        # which then hangs. Without it, and under valgrind, the forks are tested.
        case $name in forks*) continue ;; esac
        "$compiler" "${strict[@]}" -DNO_FORKS "${checks[@]}" "$source" "${libraries[@]}" -o "$work/$name"
        more=()
        [ "$name" != fuzz ] || more=("$RANDOM" "$seconds")
        run "$work/$name"
        [ "$name" != fuzz ] || cat "$work/log"
        echo "$compiler, address and undefined behaviour: $name: passed"
    done
done

# What valgrind says that is no fault of the library:
# - "unhandled amd64-linux syscall: 449": it does not know futex_waitv. The library then waits in short slices.
# - "possibly lost", which is no error here: to what is made once and stays, and to the stacks of threads that wait, it finds pointers
#   into the middle alone.
# - In a forked child, what belonged to the parent's writers: it is forgotten there, and the kernel takes it at the child's end. So
#   leaks are not looked for in the programs that fork.
if command -v valgrind >/dev/null; then
    # Not the random calls: valgrind 3.19 stopped in one run of them at an assertion of its own (aspacemgr-segnames.c).
    for source in capi/tests/c/*.c; do
        name=$(basename "$source" .c)
        cc "${strict[@]}" -O1 "$source" "${libraries[@]}" -o "$work/$name"
        more=() leaks=full
        ! grep -q 'fork()' "$source" || leaks=no
        if run valgrind --quiet --error-exitcode=99 --leak-check="$leaks" --errors-for-leak-kinds=definite,indirect --fair-sched=yes \
            "$work/$name"; then
            echo "valgrind: $name: passed"
        fi
    done
else
    printf '\nskipped: valgrind of the C interface: it is not installed\n'
fi
# As cargo says it, for ci/test.sh.
printf '\ntest result: ok. %d passed; of the C interface under sanitizers\n' "$passed"
