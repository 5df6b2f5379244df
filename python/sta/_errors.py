# SPDX-License-Identifier: MIT
"""The exceptions of this package. Each message is one sentence that says what was wrong and what would be right."""

from __future__ import annotations


class Error(Exception):
    """A call of the engine that failed. All exceptions of this package derive from it."""


class InvalidArgument(Error, ValueError):
    """An option or argument is out of its range, or an array has another shape than it should."""


class NotFound(Error, FileNotFoundError):
    """A file or folder is missing."""


class BadModel(Error, ValueError):
    """A model file is there but malformed, incomplete or contradicts itself."""


class Unsupported(Error, NotImplementedError):
    """Well-formed, but a variant that the engine does not implement."""


class DeviceError(Error, RuntimeError):
    """The device that was asked for is absent or failed."""


class OutOfMemory(Error, MemoryError):
    """Memory of the host or of the device is used up."""


class Closed(Error):
    """The stream was closed by another thread while a call waited in it."""


class InternalError(Error, RuntimeError):
    """Anything else that LibTorch says."""


# In the order of the numbers of sta_status.
_KINDS: dict[int, type[Error]] = {
    1: InvalidArgument,
    2: NotFound,
    3: BadModel,
    4: Unsupported,
    5: DeviceError,
    6: OutOfMemory,
    7: Closed,
}


def make(status: int, message: str) -> Error:
    """The exception for a status of sta.h. Called by the extension module."""
    return _KINDS.get(status, InternalError)(message)
