# SPDX-License-Identifier: MIT
"""Training a bundled model, or any VideoMAE folder, on clips of one's own: reading them, fitting, and honest held-out numbers."""
