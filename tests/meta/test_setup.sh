#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks scripts/setup. If there is nothing to do, it must do nothing, and quickly. If it cannot do something, it must
# say so in one sentence. Exit status 77 = skipped.
set -uo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)
fail() {
  echo "FAIL: $*"
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Another system: status 1, and one line that names it and says what to do instead. Nothing may look as if it had
# worked.
printf 'ID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40"\n' >"$work/os-release"
STA_OS_RELEASE=$work/os-release "$tree/scripts/setup" >"$work/out" 2>"$work/err" && fail 'it accepted Fedora'
[ ! -s "$work/out" ] || fail "it printed: $(cat "$work/out")"
[ "$(wc -l <"$work/err")" = 1 ] || fail "not one line: $(cat "$work/err")"
grep -q 'Fedora Linux 40' "$work/err" || fail "the system is not named: $(cat "$work/err")"
grep -q -- '--no-apt' "$work/err" || fail "no way out is named: $(cat "$work/err")"

# Debian, but an older one, and no os-release at all.
printf 'ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n' >"$work/os-release"
STA_OS_RELEASE=$work/os-release "$tree/scripts/setup" >/dev/null 2>"$work/err" && fail 'it accepted Debian 11'
grep -q 'Debian GNU/Linux 11' "$work/err" || fail "the system is not named: $(cat "$work/err")"
STA_OS_RELEASE=$work/none "$tree/scripts/setup" >/dev/null 2>"$work/err" && fail 'it accepted a system without os-release'
grep -q 'Debian 12 and 13' "$work/err" || fail "no reason is given: $(cat "$work/err")"

# An option that does not exist is a usage error, status 2.
"$tree/scripts/setup" --nonsense >/dev/null 2>&1
[ $? = 2 ] || fail 'an unknown option is no usage error'

# Nothing to do. This runs only if LibTorch is there already (a build with -Dlibtorch=FOLDER may have none, and a test
# downloads nothing).
if [ ! -e "$tree/.deps/libtorch/.complete" ]; then
  echo 'SKIP: .deps/libtorch was not made by scripts/setup'
  exit 77
fi
before=$(readlink "$tree/.deps/libtorch")
options=()
# A build on another system, or by a user who may not install packages, gets its packages from elsewhere.
grep -q '^ID=debian' /etc/os-release || options=(--no-apt)
start=$(date +%s%N)
"$tree/scripts/setup" "${options[@]}" >"$work/out" 2>&1 </dev/null || fail "a second run failed: $(cat "$work/out")"
milliseconds=$((($(date +%s%N) - start) / 1000000))
[ ! -s "$work/out" ] || fail "a second run did something: $(cat "$work/out")"
[ $milliseconds -lt 5000 ] || fail "a second run took $milliseconds ms"
[ "$(readlink "$tree/.deps/libtorch")" = "$before" ] || fail 'a second run moved .deps/libtorch'
echo "a second run took $milliseconds ms"
