# SPDX-License-Identifier: MIT
"""STA: live action recognition. Timed frames to labels, without GStreamer.

    import sta
    engine = sta.Engine("models/camera-watch")
    stream = engine.stream(hop=0.5)
    for time, frame in camera:                      # frame: uint8 (height, width, 3), RGB
        stream.push(frame, time)                    # time: seconds
        for window in stream:
            print(window.start, window.label, window.confidence)

Importing it loads LibTorch 2.11. It looks first in the installed package torch, then in the folder libtorch beside this
file, then in the folder that the variable STA_LIBTORCH names. An ImportError says what is missing.
"""

from . import _core, _load

#: Folder of the LibTorch that is used.
libtorch_folder: str = _load.load()

from ._engine import Engine, ModelInfo  # noqa: E402 # first LibTorch, then what needs it
from ._errors import (  # noqa: E402
    BadModel,
    Closed,
    DeviceError,
    Error,
    InternalError,
    InvalidArgument,
    NotFound,
    OutOfMemory,
    Unsupported,
)
from ._stream import Event, Score, Stream, Window  # noqa: E402
from ._video import Classification  # noqa: E402

__version__: str = _core.version()

__all__ = [
    "BadModel",
    "Classification",
    "Closed",
    "DeviceError",
    "Engine",
    "Error",
    "Event",
    "InternalError",
    "InvalidArgument",
    "ModelInfo",
    "NotFound",
    "OutOfMemory",
    "Score",
    "Stream",
    "Unsupported",
    "Window",
    "libtorch_folder",
]
