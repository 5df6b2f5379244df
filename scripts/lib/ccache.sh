# SPDX-License-Identifier: MIT
# How ccache is to treat this project; meson uses it where it finds it. Sourced by whatever compiles, never run.
# shellcheck shell=bash

# A clone in another folder is served with what was compiled in this one.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# Without these two, ccache refuses whatever includes a precompiled header. No source here uses __DATE__ or __TIME__.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
