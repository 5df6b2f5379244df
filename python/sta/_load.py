# SPDX-License-Identifier: MIT
"""Loads the engine, libsta-core.so.2, once for the process. $STA_CORE_PATH, if set, is the full path of the only file
to try. Otherwise it is the one beside this file."""

from __future__ import annotations

import os

from . import _core, _libtorch


def load() -> str:
    """Loads LibTorch and the engine; returns the folder of LibTorch. ImportError says in one sentence what is
    missing."""
    given = os.environ.get("STA_CORE_PATH", "")
    path = given or os.path.join(os.path.dirname(os.path.abspath(__file__)), "libsta-core.so.2")
    if not os.path.isfile(path):
        raise ImportError(
            f"the engine of sta is missing, there is no {path}: "
            + ("correct STA_CORE_PATH." if given else "install the wheel again.")
        )
    folder = _libtorch.preload()
    if reason := _core.load(path):
        raise ImportError(f"the engine of sta, {path}, cannot be used: {reason}.")
    return folder
