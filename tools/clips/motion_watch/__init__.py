# SPDX-License-Identifier: MIT
"""motion-watch tells where something moves in front of a camera that stands still.

It learns from things and people that are moved over real scenes.
"""

from clips.camera_watch import FRAMES, INTERVAL, SIDE, SPAN, held_out  # noqa: F401  one kind of window for both models

# Directions are those in the picture. "approaching" and "leaving" are motions along the line of sight: the thing grows
# or shrinks.
CLASSES = ["still", "left", "right", "up", "down", "approaching", "leaving", "appearing", "vanishing"]
