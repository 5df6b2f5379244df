#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs scripts/gpu-check on a machine without a GPU. It must print one sentence and exit with status 77, whether
# nvidia-smi is missing, fails, or lists nothing. It must not set up or build anything.
set -uo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for answer in 'exit 9' 'exit 0'; do
  printf '#!/bin/sh\n%s\n' "$answer" >"$work/nvidia-smi"
  chmod +x "$work/nvidia-smi"
  PATH=$work:$PATH STA_BUILD=$work/build "$tree/scripts/gpu-check" >"$work/out" 2>"$work/err"
  status=$?
  [ $status = 77 ] || { echo "FAIL: status $status"; exit 1; }
  grep -q '^no CUDA device: ' "$work/out" || { echo "FAIL: it said: $(cat "$work/out" "$work/err")"; exit 1; }
  [ ! -e "$work/build" ] || { echo 'FAIL: it built something'; exit 1; }
done
