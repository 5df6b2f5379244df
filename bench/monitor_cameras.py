#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plays many network cameras in one process, for monitor_load.py. Each serves the same H.264 file in a loop.

    monitor_cameras.py FILE.h264 COUNT FRAMES CHANGE RATE

FRAMES is the number of frames in the file. CHANGE is the frame at which the scene changes. Prints the address of the
server, then a line "NUMBER TIME" whenever a camera sends that frame: TIME is the wall-clock time at which the frame is
due.
"""
import os
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main():
    file, count, frames, change, rate = sys.argv[1], *(int(argument) for argument in sys.argv[2:])
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service("0")

    def configure(_factory, media, number):
        element = media.get_element()
        seen = [0]

        def frame(_pad, info):
            if seen[0] % frames == change:
                pipeline = element.get_parent() or element
                clock, buffer = pipeline.get_clock(), info.get_buffer()
                stamp = buffer.pts if buffer.pts != Gst.CLOCK_TIME_NONE else buffer.dts
                if clock and stamp != Gst.CLOCK_TIME_NONE:
                    due = (pipeline.get_base_time() + stamp - clock.get_time()) / 1e9
                    # Written in one piece, because each camera has its own thread.
                    os.write(1, f"{number} {time.time() + due:.3f}\n".encode())
            seen[0] += 1
            return Gst.PadProbeReturn.OK

        element.get_by_name("pay0").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, frame)

    for number in range(count):
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(
            f'( multifilesrc location="{file}" loop=true caps="video/x-h264,stream-format=byte-stream,framerate={rate}/1" ! h264parse ! '
            "video/x-h264,alignment=au ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )
        factory.connect("media-configure", configure, number)
        server.get_mount_points().add_factory(f"/camera{number}", factory)
    if server.attach(None) == 0:
        sys.exit("monitor_cameras: no port")
    print(f"rtsp://127.0.0.1:{server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
