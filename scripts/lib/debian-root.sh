# SPDX-License-Identifier: MIT
# A Debian system in a folder: made with debootstrap, entered with chroot. For scripts/debian13 and scripts/package.
# Sourced after common.sh, never run. Everything is mounted in a mount namespace of its own, so nothing stays mounted
# however a script ends, and no clean-up elsewhere can reach through a mount into the source tree.
# shellcheck shell=bash disable=SC2154 # common.sh sets what is not set here

# enter_namespace ARGUMENTS...: starts the script again with these arguments, as root and in a mount namespace of its
# own. Where it is there already, it returns. chroot and mounts need both.
enter_namespace() {
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "chroot and mounts need root, and there is no sudo: run it as root."
    exec sudo --preserve-env=HOME,XDG_CACHE_HOME,STA_DEBIAN_MIRROR,STA_JOBS,STA_TIMEOUT_MULTIPLIER,http_proxy,https_proxy "$0" "$@"
  fi
  # exec keeps the process id, so this variable is right only for the process that made the namespace.
  if [ "${STA_NAMESPACE:-}" != $$ ]; then
    unshare --mount true 2>/dev/null || die "no mount namespace can be made here (a container needs CAP_SYS_ADMIN for that)."
    STA_NAMESPACE=$$ exec unshare --mount --propagation private "$0" "$@"
  fi
}

# lock_folder FOLDER: one run at a time, until the script ends.
lock_folder() {
  mkdir -p "$1"
  exec 9>"$1/.lock"
  flock -n 9 || { say "another run is using $1: waiting for it"; flock 9; }
}

# debian_mirror: where this system's apt gets Debian itself (not security, not other archives).
debian_mirror() {
  # shellcheck disable=SC2016 # $(…) is apt's own syntax
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' \
    | awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# What the host's apt was told about its network and clock holds for the root too.
apt_settings() {
  apt-config dump | grep -E '^Acquire::(https?::|ftp::|Retries|Check-(Date|Valid-Until)|ForceIPv[46]|Languages|IndexTargets)' || true
}

# make_root ROOT SUITE: the mirror is the one that this system's apt takes Debian from; STA_DEBIAN_MIRROR overrides it.
make_root() {
  local root=$1 suite=$2 home mirror tools=() keyring=/usr/share/keyrings/debian-archive-keyring.gpg http_proxy_apt=''
  home=$(dirname "$root")
  mapfile -t tools < <(missing_packages debootstrap debian-archive-keyring)
  if [ ${#tools[@]} -gt 0 ]; then install_packages "${tools[@]}"; fi
  mirror=${STA_DEBIAN_MIRROR:-$(debian_mirror)}
  if [ -z "$mirror" ]; then
    # The lists of a fresh system or image are empty; then apt does not know yet which of its sources is Debian.
    apt-get update -q >/dev/null 2>&1 || true
    mirror=$(debian_mirror)
  fi
  [ -n "$mirror" ] || die "this system's apt has no source for Debian main: set STA_DEBIAN_MIRROR to the address of a Debian mirror."
  require_space "$home" 4000 "a Debian root ($suite)"
  eval "$(apt-config shell http_proxy_apt Acquire::http::Proxy)"
  say "making a Debian root ($suite; once)"
  rm -rf "$root" "$root.partial"
  http_proxy=${http_proxy:-$http_proxy_apt} debootstrap --variant=minbase --keyring="$keyring" --include=ca-certificates "$suite" "$root.partial" "$mirror" \
    >"$home/debootstrap.log" 2>&1 </dev/null || {
    tail -n 3 "$home/debootstrap.log" >&2
    rm -rf "$root.partial"
    die "debootstrap failed: is there a network, does the mirror of this system's apt carry $suite, and is debian-archive-keyring up to date? All of it: $home/debootstrap.log"
  }
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" $keyring >"$root.partial/etc/apt/sources.list.d/debian.sources"
  rm -f "$root.partial/etc/apt/sources.list"
  apt_settings >"$root.partial/etc/apt/apt.conf.d/90host"
  # Nothing here is ever served: no daemon may start in a chroot, and downloaded packages need not be kept.
  printf '#!/bin/sh\nexit 101\n' >"$root.partial/usr/sbin/policy-rc.d"
  chmod +x "$root.partial/usr/sbin/policy-rc.d"
  echo 'APT::Keep-Downloaded-Packages "false";' >"$root.partial/etc/apt/apt.conf.d/90no-cache"
  mv "$root.partial" "$root"
}

# bind FOLDER ROOT-FOLDER: FOLDER appears there. bind_readonly: and cannot be changed through it.
bind() {
  mkdir -p "$2"
  mount --bind "$1" "$2"
}
bind_readonly() {
  bind "$1" "$2"
  mount -o remount,ro,bind "$2"
}

# open_root ROOT: what a running system has.
open_root() {
  mount --rbind /proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount --rbind /dev "$1/dev"
  mount -t tmpfs tmpfs "$1/tmp"
  cp -L /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || true
}

# in_root ROOT [NAME=VALUE...] COMMAND...: as root in there, with an environment of its own.
in_root() {
  local root=$1
  shift
  chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" CI="${CI:-}" \
    ${STA_JOBS:+STA_JOBS="$STA_JOBS"} ${STA_TIMEOUT_MULTIPLIER:+STA_TIMEOUT_MULTIPLIER="$STA_TIMEOUT_MULTIPLIER"} "$@"
}

# prepare_debian13 NAME CUDA: the root in which STA is built for Debian 13, made once and kept under the cache folder.
# Sets $root. The sources are at /src (read-only), the build folder NAME-… of this tree at /build, ccache at /ccache,
# and LibTorch at the same path as outside, so that .deps/libtorch points to it inside too. CUDA is the toolkit's part
# that is there: include (Debian has no CUDA toolkit; with the headers of this system's, if it has one, frames in CUDA
# memory are built too), or all.
prepare_debian13() {
  local home=$sta_cache/debian13 build libtorch cuda=/usr/local/cuda
  root=$home/root
  lock_folder "$home"
  "$sta_root/scripts/setup" </dev/null
  if [ "${fresh:-no}" = yes ] || [ ! -d "$root" ]; then make_root "$root" trixie; fi
  # One build folder for each source tree, because meson ties the two together; ccache is shared. Folders of trees that
  # have not been used for two weeks go.
  build=$home/$1-$(printf '%s' "$sta_root" | md5sum | cut -c1-8)
  find "$home" -maxdepth 1 \( -name 'build-*' -o -name 'package-*' \) ! -path "$build" -mtime +14 -exec rm -rf {} +
  libtorch=$(realpath "$sta_root/.deps/libtorch")
  mkdir -p "$build" "$home/ccache"
  touch "$build"
  bind_readonly "$sta_root" "$root/src"
  bind "$build" "$root/build"
  bind "$home/ccache" "$root/ccache"
  bind_readonly "$libtorch" "$root$libtorch"
  if [ "$2" = include ]; then cuda=$cuda/include; fi
  if [ -f /usr/local/cuda/include/cuda.h ]; then bind_readonly "$(realpath $cuda)" "$root$cuda"; fi
  open_root "$root"
  # The root is a bare Debian 13: what sets up any other does it here too. A changed package list is noticed by setup.
  in_root "$root" /src/scripts/setup --no-libtorch </dev/null
}
