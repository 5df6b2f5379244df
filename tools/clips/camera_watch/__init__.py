# SPDX-License-Identifier: MIT
"""camera-watch tells what the camera does: it moves, shakes, is covered, loses focus.

It learns from real footage that is moved along known paths.
"""

import os

# One window of the model: FRAMES pictures of SIDE x SIDE, INTERVAL seconds apart.
FRAMES = 16
SIDE = 96
INTERVAL = 0.1
SPAN = (FRAMES - 1) * INTERVAL

# Directions are those of the camera: when it pans right, the scene moves left in the picture.
CLASSES = ["steady", "pan-left", "pan-right", "tilt-up", "tilt-down", "zoom-in", "zoom-out", "roll-clockwise",
           "roll-counterclockwise", "shake", "covered", "defocused"]

# Source videos that no training clip may come from, by the beginning of their name. S4 and the one-by-one clip show
# rooms that no training video shows. The others share their room with training videos, but not their footage.
HELD_OUT = ("S4_", "one-by-one", "S2_Fall_12", "S1_Fall_14", "S3_Fall_16", "hungry", "want", "book")


def held_out(path):
    """Whether a source video is kept for testing."""
    return os.path.basename(path).startswith(HELD_OUT)
