# SPDX-License-Identifier: MIT
"""The parts that tests of sta-monitor are made of: cameras, a broker, the monitor, a client of its interface."""
