# SPDX-License-Identifier: MIT
# LibTorch: which release, and how it comes from the PyTorch wheel into a folder. For scripts/setup, scripts/package
# and, in the package sta, sta-select-libtorch. Sourced after common.sh, never run. libtorch.txt lies one folder up,
# unpack_libtorch.py beside this file.
# shellcheck shell=bash disable=SC2034 # those who source it use the variables

libtorch_version=2.11.0
libtorch_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# libtorch_complete FOLDER FLAVOUR: the marker is there, and it is the last thing written before the folder gets its
# name.
libtorch_complete() { [ -e "$1/torch/lib/libtorch_cpu.so" ] && [ "$(cat "$1/.complete" 2>/dev/null)" = "libtorch $libtorch_version $2" ]; }

# libtorch_version_of FOLDER: the release of what is in FOLDER/lib, from the wheel's version.py or from the
# build-version of PyTorch's own archives; nothing if neither is there.
libtorch_version_of() {
  if [ -r "$1/version.py" ]; then
    sed -nE "s/^__version__ = '([^'+]*).*/\1/p" "$1/version.py"
  elif [ -r "$1/build-version" ]; then
    sed -nE '1s/^([0-9.]+).*/\1/p' "$1/build-version"
  fi
}

# need_libtorch FOLDER FLAVOUR: makes it where it is not complete. One at a time: whoever waits here finds the work
# done.
need_libtorch() {
  if libtorch_complete "$1" "$2"; then return; fi
  exec 9>"$(dirname "$1")/.lock"
  flock 9
  libtorch_complete "$1" "$2" || make_libtorch "$1" "$2"
  exec 9>&-
}

# need_licences FOLDER: the texts of the licences, in FOLDER/licences. A LibTorch that an older scripts/setup unpacked
# has none: they are taken out of the same wheels. In a shell of its own, because of its trap.
need_licences() (
  if [ -d "$1/licences" ]; then exit; fi
  work=$(mktemp -d "$(dirname "$(realpath "$1")")/.licences.XXXXXX")
  # shellcheck disable=SC2064 # the name is wanted as it is now
  trap "rm -rf '$work'" EXIT
  say "downloading the wheels of LibTorch $libtorch_version once more, for their licences"
  download_wheels
  "$python" "$libtorch_scripts/unpack_libtorch.py" --licences "$work/wheels" "$work/root" >"$work/log" 2>&1 \
    || die "no licences came out of the wheels: $(tail -n 1 "$work/log")"
  mv "$work/root/licences" "$1/licences"
)

# download_wheels: those of libtorch.txt, into $work/wheels.
download_wheels() {
  architecture=$(uname -m)
  case $architecture in
    x86_64 | aarch64) ;;
    *) die "there is no LibTorch wheel for $architecture (only for x86_64 and aarch64): build LibTorch yourself and configure with -Dlibtorch=FOLDER." ;;
  esac
  find_python
  pip_download --no-deps --require-hashes -r "$libtorch_scripts/../libtorch.txt"
}

# pip_download ARGUMENTS...: wheels for CPython 3.11 on this architecture into $work/wheels, whatever Python this is.
# `pip download` installs nothing, so it works where the system's Python is "externally managed" too. pip takes the
# names of platforms literally, hence every glibc up to the 2.28 that the torch wheel asks for.
pip_download() {
  local platforms=(--platform "manylinux2014_$architecture") minor
  for minor in {28..17}; do platforms+=(--platform "manylinux_2_${minor}_$architecture"); done
  PIP_REQUIRE_VIRTUALENV=0 "$python" -m pip download -q --no-cache-dir --no-input --disable-pip-version-check --retries 3 --python-version 3.11 --only-binary=:all: \
    "${platforms[@]}" -d "$work/wheels" "$@" </dev/null >"$work/log" 2>&1 || die "LibTorch $libtorch_version could not be downloaded: $(pip_reason "$work/log")"
}

# pip_reason LOG: pip's pages of complaint in one sentence.
pip_reason() {
  if grep -qi 'no space left' "$1"; then
    echo "the disk is full."
  elif grep -q 'DO NOT MATCH THE HASHES' "$1"; then
    echo "a file differs from the hash in scripts/libtorch.txt: the download is damaged or was altered."
  elif grep -qE 'NewConnectionError|ConnectTimeout|ReadTimeout|NameResolution|Failed to establish|Connection (refused|reset|broken|aborted)|timed out|ProxyError|SSLError' "$1"; then
    echo "the Python package index cannot be reached: is there a network, and does pip know of its proxy (pip config list)?"
  else
    grep -m1 '^ERROR' "$1" || tail -n 1 "$1"
  fi
}

find_python() {
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then return; fi
  done
  die "no Python with pip was found: install python3-pip."
}

# make_libtorch FOLDER FLAVOUR: downloads and unpacks beside FOLDER, which gets its name when all is there.
make_libtorch() {
  local target=$1 flavour=$2 place architecture python work needs mib
  place=$(dirname "$target")
  if [ "$flavour" = cuda ]; then mib=9000; else mib=1400; fi
  require_space "$place" $mib "LibTorch $libtorch_version ($flavour)"
  work=$(mktemp -d "$place/.libtorch.XXXXXX")
  # shellcheck disable=SC2064 # the name is wanted as it is now
  trap "rm -rf '$work'" EXIT
  say "downloading LibTorch $libtorch_version ($flavour), a minute or more"
  download_wheels
  if [ "$flavour" = cuda ]; then
    # The wheel names exact versions; its Python needs (sympy, triton, ...) are of no use to a C++ program.
    mapfile -t needs < <("$python" "$libtorch_scripts/unpack_libtorch.py" --needs "$work/wheels")
    [ ${#needs[@]} -gt 0 ] || die "the LibTorch wheel names no NVIDIA libraries: libtorch.txt and unpack_libtorch.py no longer fit each other."
    say "downloading the NVIDIA libraries: ${needs[*]}"
    pip_download "${needs[@]}"
  fi
  say "unpacking"
  "$python" "$libtorch_scripts/unpack_libtorch.py" --flavour "$flavour" --version "$libtorch_version" "$work/wheels" "$work/root" >"$work/log" 2>&1 \
    || die "LibTorch could not be unpacked: $(tail -n 1 "$work/log")"
  # libcuda.so.1 belongs to the GPU's driver, and may come later.
  if ldd "$work/root/torch/lib/"lib{torch_cpu,torch_cuda}.so 2>/dev/null | grep 'not found' | grep -v 'libcuda\.so\.1' >"$work/log"; then
    die "the unpacked LibTorch lacks $(awk '{ printf "%s ", $1 }' "$work/log")and would not load: please report this."
  fi
  echo "libtorch $libtorch_version $flavour" >"$work/root/.complete"
  # A folder without the marker is what an interrupted or hand-made attempt left: it is moved away first, so that the
  # name is never without a folder for longer than a rename.
  if [ -e "$target" ]; then mv "$target" "$work/old"; fi
  mv "$work/root" "$target"
  rm -rf "$work"
  trap - EXIT
}
