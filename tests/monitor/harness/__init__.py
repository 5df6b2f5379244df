# SPDX-License-Identifier: MIT
"""Building blocks of the tests of sta-monitor: cameras, a broker, the monitor, a client of its interface."""
