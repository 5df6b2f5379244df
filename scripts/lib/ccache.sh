# SPDX-License-Identifier: MIT
# Tells ccache how to treat this project; meson uses ccache where it finds it. Scripts that compile source this file;
# nobody runs it.
# shellcheck shell=bash

# A clone in another folder can use the results that were compiled in this one.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# Without these two settings, ccache refuses any source that includes a precompiled header. No source here uses __DATE__
# or __TIME__.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
