# SPDX-License-Identifier: MIT
"""Measures accuracy against compute of the bundled models, on the same held-out clips: STA, parts of it, and random
dropping."""
