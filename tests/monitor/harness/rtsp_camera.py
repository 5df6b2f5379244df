#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A network camera for tests: an RTSP server that shows a room, and obeys commands on its standard input.

    cover      something is put before the lens: the picture goes black
    uncover    it is taken away

Prints its address, then a line for each change with the wall-clock time at which it took effect. It is a separate
process, so that a test can kill it or stop it (SIGSTOP) as if the camera had lost its power or its network.
"""
import argparse
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

# One slice per picture. rtph264pay puts the parameter sets before each slice of a key frame. With two slices that would
# cut the key frame into two.
ENCODERS = {
    "h264": "x264enc threads=1 tune=zerolatency speed-preset=ultrafast key-int-max={key} ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max={key} ! rtph265pay name=pay0 pt=96 config-interval=-1",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("picture", help="PNG that the camera sees")
    parser.add_argument("--port", default="0")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--codec", choices=ENCODERS, default="h264")
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    return parser.parse_args()


def protect(server, factory, user, password):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions.new()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", permission, True)
    factory.set_permissions(permissions)


def main():
    args = arguments()
    Gst.init(None)
    width, height = args.size.split("x")
    location = args.picture.replace("\\", "\\\\").replace('"', '\\"')
    launch = (
        f'( filesrc location="{location}" ! pngdec ! imagefreeze is-live=true ! videoconvert ! videoscale ! '
        f"video/x-raw,format=I420,width={width},height={height},framerate={args.rate}/1,pixel-aspect-ratio=1/1 ! "
        "videobalance name=lens ! timeoverlay halignment=right valignment=bottom ! " + ENCODERS[args.codec].format(key=args.rate)
    )
    if args.sound:
        launch += " audiotestsrc is-live=true volume=0.1 ! audioconvert ! avenc_aac ! rtpmp4gpay name=pay1 pt=97"
    server = GstRtspServer.RTSPServer.new()
    server.set_address(args.address)
    server.set_service(args.port)
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(launch + " )")
    factory.set_shared(True)
    if args.user:
        protect(server, factory, args.user, args.password)
    lenses, covered = [], [False]

    def configure(_factory, media):
        lens = media.get_element().get_by_name("lens")
        lens.set_property("brightness", -1.0 if covered[0] else 0.0)
        lenses[:] = [lens]

    factory.connect("media-configure", configure)
    server.get_mount_points().add_factory("/camera", factory)
    if server.attach(None) == 0:
        sys.exit("rtsp_camera: the port cannot be used")

    def listen():
        for line in sys.stdin:
            covered[0] = line.strip() == "cover"
            for lens in lenses:
                lens.set_property("brightness", -1.0 if covered[0] else 0.0)
            print(f"{line.strip()} {time.time():.3f}", flush=True)

    threading.Thread(target=listen, daemon=True).start()
    print(f"rtsp://{args.address}:{server.get_bound_port()}/camera", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
