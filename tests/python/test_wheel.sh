#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the wheel around an engine, and runs the tests of this folder on it with the system's Python. Exit status 77 =
# skipped: there is no nanobind or meson-python, or the Python has no numpy and pytest.
#
#   test_wheel.sh LIBSTA-CORE.SO
set -euo pipefail
tree=$(cd "$(dirname "$0")/../.." && pwd)
python=/usr/bin/python3
make_wheel=$tree/scripts/lib/make-wheel

if ! why=$("$make_wheel" --tools --python $python 2>&1); then
  printf 'SKIP: %s\n' "${why##*$'\n'}"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$make_wheel" --python $python --engine "$1" --into "$work"
PIP_ROOT_USER_ACTION=ignore $python -m pip install -q --no-deps --no-compile --no-input --disable-pip-version-check \
  --target "$work/site" "$work"/*.whl
# Not exec: the folder is removed afterwards.
PYTHONPATH=$work/site $python "$tree/tests/python/run.py"
