# SPDX-License-Identifier: MIT
"""Trains a bundled model, or any VideoMAE folder, on a user's own clips: reading them, fitting, and honest held-out
numbers."""
