# SPDX-License-Identifier: MIT
"""Accuracy against compute of the bundled models: STA, its parts, and dropping by chance, on the same held-out clips."""
