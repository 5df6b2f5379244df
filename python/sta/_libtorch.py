# SPDX-License-Identifier: MIT
"""Finds LibTorch and loads it before the engine, which then finds it in the process. PyTorch itself is not imported."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys

RELEASE = "2.11"  # other releases have another C++ interface
_HERE = os.path.dirname(os.path.abspath(__file__))


def version_of(root: str) -> str:
    """Version of the LibTorch in a folder: from version.py of the wheel, else build-version of PyTorch's archives; ""
    if neither is there."""
    for name, pattern in (("version.py", r"^__version__ = ['\"]([^'\"]+)"), ("build-version", r"^([0-9][^\s]*)")):
        try:
            with open(os.path.join(root, name), encoding="utf-8") as file:
                if found := re.search(pattern, file.read(), re.MULTILINE):
                    return found[1]
        except OSError:
            continue
    return ""


def _fits(version: str) -> bool:
    # A self-built LibTorch may not say its version.
    return not version or version == RELEASE or version.startswith(RELEASE + ".")


def _loaded() -> str:
    """Folder of the libtorch_cpu.so of this process, "" if it has none."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            for line in maps:
                path = line.rstrip("\n").split(maxsplit=5)[-1]
                if os.path.basename(path) == "libtorch_cpu.so":
                    return os.path.dirname(path)
    except OSError:
        pass
    return ""


def _installed() -> str:
    """Folder of the package torch, "" if there is none. Found without importing it, which takes seconds."""
    try:
        spec = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return ""
    places = list(spec.submodule_search_locations or []) if spec else []
    return places[0] if places else ""


def _places() -> list[tuple[str, str]]:
    """The places where LibTorch may be, in order: a name for the place, and its folder ("" if there is none)."""
    beside = os.path.join(_HERE, "libtorch")
    return [
        ("the package torch", _installed()),
        (f"the folder {beside}", beside),
        ("STA_LIBTORCH", os.environ.get("STA_LIBTORCH", "")),
    ]


def find() -> str:
    """The folder that holds libtorch_cpu.so. ImportError: no place has one of the right release."""
    tried = []
    for name, place in _places():
        if not place:
            tried.append(f"{name}: not {'set' if name.isupper() else 'installed'}")
            continue
        # A LibTorch, or the folder that scripts/setup makes: LibTorch with the NVIDIA libraries beside it.
        roots = [
            root
            for root in (place, os.path.join(place, "torch"))
            if os.path.isfile(os.path.join(root, "lib", "libtorch_cpu.so"))
        ]
        if not roots:
            tried.append(
                f"{name}: no lib/libtorch_cpu.so in {place}" if os.path.isdir(place) else f"{name}: no such folder"
            )
            continue
        version = version_of(roots[0])
        if _fits(version):
            return os.path.join(roots[0], "lib")
        tried.append(f"{name}: has version {version}")
    raise ImportError(
        f"sta needs LibTorch {RELEASE} and found none ({'; '.join(tried)}): run `pip install torch=={RELEASE}.*`, or "
        "put a LibTorch into one of the two other places."
    )


def preload() -> str:
    """Loads LibTorch, unless the process has one, and returns its folder. ImportError: none can be used."""
    imported = getattr(sys.modules.get("torch"), "__version__", "")
    folder = _loaded()
    version = imported or (version_of(os.path.dirname(folder)) if folder else "")
    if not _fits(str(version)):
        raise ImportError(
            f"this process has LibTorch {version} loaded, and sta needs {RELEASE}: use them in two processes, or "
            f"install torch=={RELEASE}.*."
        )
    if folder:
        return folder
    folder = find()
    try:
        for name in ("libc10.so", "libtorch_cpu.so"):
            ctypes.CDLL(os.path.join(folder, name))
    except OSError as error:
        raise ImportError(
            f"the LibTorch in {folder} cannot be loaded ({error}): is it complete, with the NVIDIA libraries that it "
            "asks for?"
        ) from error
    return folder
