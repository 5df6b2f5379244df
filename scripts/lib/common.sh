# SPDX-License-Identifier: MIT
# What the scripts share: where things lie, and how a script gives up (one sentence that says what was wrong and what
# would be right). Sourced, never run.
# shellcheck shell=bash disable=SC2034 # those who source it use the variables

sta_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sta_cache=${XDG_CACHE_HOME:-$HOME/.cache}/sta

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# as_root COMMAND...: sudo only where it is needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# require_space FOLDER MIB WHAT-FOR: so that a full disk is one sentence now instead of a heap of errors in ten minutes.
require_space() {
  local free
  free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$2" ] || die "$3 needs $2 MiB in $1, and $free MiB are free there. Free some$(case $1 in "$sta_cache"*) echo ', or set XDG_CACHE_HOME to a folder on another disk' ;; esac)."
}

# packages_in FILE: the names in a list like scripts/packages.txt, one a line.
packages_in() { sed 's/#.*//' "$1" | awk 'NF { print $1 }'; }

# missing_packages NAME...: those that are not installed, one a line.
missing_packages() {
  dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | awk '$2 == "installed" { print $1 }' | sort -u \
    | comm -13 - <(printf '%s\n' "$@" | sort -u)
}

# install_packages NAME...: with apt-get, which prints to a log that is shown only if it fails. The package lists are
# fetched only when a name is not in them, or when installing from them failed (the archive moves on, old lists then
# point at files that are gone).
install_packages() {
  local log updated=no
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null \
    || die "these Debian packages are missing: $*. Installing them needs root and there is no sudo: run 'apt-get install $*' as root."
  log=$(mktemp)
  # shellcheck disable=SC2064 # the name is wanted as it is now
  trap "rm -f '$log'" RETURN
  apt_get() { as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y "$@" </dev/null >>"$log" 2>&1; }
  say "installing Debian packages: $*"
  if ! apt-cache show --no-all-versions "$@" >/dev/null 2>&1; then
    apt_get update || true
    updated=yes
  fi
  if ! apt_get install --no-install-recommends "$@"; then
    if [ $updated = yes ] || ! { apt_get update && apt_get install --no-install-recommends "$@"; }; then
      tail -n 20 "$log" >&2
      die "apt-get could not install the Debian packages $* ($(apt_reason "$log"))."
    fi
  fi
}

# apt_reason LOG: apt's many lines of complaint in a few words.
apt_reason() {
  if grep -qiE 'no space left|not enough free (disk )?space' "$1"; then
    echo 'the disk is full'
  elif grep -qE 'Could not resolve|Temporary failure resolving|Could not connect|Connection (timed out|refused)|Network is unreachable' "$1"; then
    echo 'the Debian mirror cannot be reached: is there a network?'
  elif grep -qE 'Unable to locate package|has no installation candidate' "$1"; then
    echo "a package is unknown: do this system's apt sources include Debian's main?"
  elif grep -qE 'Could not get lock|Unable to acquire the dpkg' "$1"; then
    echo 'another apt or dpkg is running: try again when it has finished'
  else
    grep -m1 '^E: ' "$1" || echo 'see the lines above'
  fi
}

# source_date: when the sources were changed last, in seconds since 1970.
source_date() { git -c safe.directory="$sta_root" -C "$sta_root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$sta_root/meson.build"; }
