#!/bin/bash
# SPDX-License-Identifier: MIT
# What can be told of the packages without making them: scripts/package knows its options, every file that a package is
# made from is there, and what the tools of a package share with scripts/setup is found from both places.
set -uo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)
fail() {
  echo "FAIL: $*"
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$tree/scripts/package" --nonsense >/dev/null 2>&1
[ $? = 2 ] || fail 'an unknown option is no usage error'
"$tree/scripts/package" --help | grep -q -- '--debian13' || fail 'the help names no option'

# Each package: a stanza, a licence, scripts that are executable and can be parsed.
for name in sta sta-libtorch; do
  folder=$tree/deploy/debian/$name
  grep -q "^Package: $name\$" "$folder/control" || fail "$name: no stanza in its control file"
  head -n 1 "$folder/copyright" | grep -q '^Format: ' || fail "$name: no machine-readable copyright"
  for script in "$folder"/p*; do
    [ -x "$script" ] || fail "$script is not executable"
    sh -n "$script" || fail "$script: syntax"
  done
done
# Every program has its page.
for program in sta sta-monitor sta-select-libtorch; do
  grep -q "^\.TH ${program^^} 1" "$tree/deploy/debian/man/$program.1" || fail "$program has no page of the manual"
done

# The release of a LibTorch, from each of the files that may say it.
mkdir "$work/wheel" "$work/archive" "$work/none"
printf "from typing import Optional\n__version__ = '2.11.0+cu130'\ndebug = False\n" >"$work/wheel/version.py"
printf '2.10.1+cpu\n' >"$work/archive/build-version"
releases=$(
  . "$tree/scripts/lib/common.sh"
  . "$tree/scripts/lib/libtorch.sh"
  for kind in wheel archive none; do echo "$kind $(libtorch_version_of "$work/$kind")"; done
)
[ "$releases" = 'wheel 2.11.0
archive 2.10.1
none ' ] || fail "releases: $releases"

# Licences of a wheel, also those of what it contains, and nothing else of it.
python3 - "$tree/scripts/lib" <<'END' || fail 'licences of wheels'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from unpack_libtorch import licence_path
for name, place in {
        'torch-2.11.0.dist-info/licenses/LICENSE': 'licences/torch-2.11.0/LICENSE',
        'torch-2.11.0.dist-info/licenses/third_party/fmt/LICENSE.rst': 'licences/torch-2.11.0/third_party/fmt/LICENSE.rst',
        'torch-2.11.0.dist-info/NOTICE': 'licences/torch-2.11.0/NOTICE',
        'nvidia_cuda_runtime-13.0.96.dist-info/License.txt': 'licences/nvidia_cuda_runtime-13.0.96/License.txt',
        'torch-2.11.0.dist-info/METADATA': None,
        'torch/lib/license.h': None}.items():
    assert licence_path(name) == place, (name, licence_path(name))
END
echo 'package: good'
