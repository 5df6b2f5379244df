#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the demonstration clip of camera-watch: footage of people, filmed by a still camera, that ffmpeg's filters move, hide
and blur at known times. Writes the clip and, beside it, the true times as JSON.

    tools/make_demo_clip.py SOURCE media/camera-watch-demo.mp4

The shipped clip was made from one-by-one-person-detection.mp4 (Intel, CC BY 4.0), which the training of camera-watch never saw.
"""

import argparse
import json
import os
import subprocess

# What the camera does, in order; seconds from the beginning. Between two of these it stands still.
EVENTS = [("pan-left", 6.0, 9.0), ("pan-right", 13.0, 16.0), ("zoom-in", 20.0, 22.0), ("zoom-out", 27.0, 29.0), ("shake", 34.0, 38.0),
          ("covered", 42.0, 47.0), ("defocused", 51.0, 56.0)]
LENGTH = 60.0
RATE = 25
WIDTH, HEIGHT = 640, 360
WIDE_ZOOM, CLOSE_ZOOM = 1.3, 2.8  # the view shows 1 / zoom of the footage's width
SLIDE = 0.4  # seconds in which the cover comes and goes


def times_of(label):
    return next((start, end) for name, start, end in EVENTS if name == label)


def ramp(start, end):
    """ffmpeg expression: 0 before start, 1 after end, straight between; zoompan calls the time `it`."""
    return f"clip((it-{start})/{end - start},0,1)"


def camera():
    """The zoompan filter that pans, zooms and shakes. It moves in whole pixels, so it works on an enlarged picture."""
    centre = f"(0.59-0.2*({ramp(*times_of('pan-left'))}-{ramp(*times_of('pan-right'))}))"
    zoom = f"{WIDE_ZOOM}*pow({CLOSE_ZOOM / WIDE_ZOOM:.4f},{ramp(*times_of('zoom-in'))}-{ramp(*times_of('zoom-out'))})"
    start, end = times_of("shake")
    on = f"between(it,{start},{end})"
    x = f"{centre}*iw-iw/zoom/2+{on}*iw*0.018*(sin(2*PI*3.7*it)+0.7*sin(2*PI*5.3*it+1))"
    y = f"0.55*ih-ih/zoom/2+{on}*ih*0.022*(sin(2*PI*4.3*it+2)+0.7*sin(2*PI*2.9*it))"
    return f"zoompan=z='{zoom}':x='{x}':y='{y}':d=1:s={WIDTH}x{HEIGHT}:fps={RATE}"


def lens():
    """Blur that grows in three steps, holds, and goes."""
    start, end = times_of("defocused")
    steps = [(3, start, start + 0.2), (7, start + 0.2, start + 0.4), (13, start + 0.4, end - 0.2), (5, end - 0.2, end)]
    return ",".join(f"gblur=sigma={sigma}:steps=3:enable='gte(t,{a:.2f})*lt(t,{b:.2f})'" for sigma, a, b in steps)


def cover():
    """A dark sheet that slides in from the left, stays, and slides out again."""
    start, end = times_of("covered")
    sheet = f"gradients=s={WIDTH}x{HEIGHT}:c0=0x3a2a20:c1=0x120c0a:r={RATE}:d={LENGTH}:speed=0.01,format=yuv420p"
    x = f"-W+W*(clip((t-{start})/{SLIDE},0,1)-clip((t-{end - SLIDE})/{SLIDE},0,1))"
    return sheet, f"overlay=x='{x}':y=0:eval=frame:enable='between(t,{start},{end})'"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="footage of a still camera, at least a minute long")
    parser.add_argument("output", help="clip to write (.mp4); the times go to the same name with .json")
    parser.add_argument("--start", type=float, default=3.0, help="where in the source to begin, seconds")
    parser.add_argument("--quality", type=int, default=26, help="x264's constant rate factor; more is smaller")
    args = parser.parse_args()
    sheet, laid = cover()
    graph = (f"[0:v]setpts=PTS-STARTPTS,hqdn3d=3:2:8:8,fps={RATE},scale={4 * WIDTH}:{4 * HEIGHT}:flags=bilinear,{camera()},{lens()},format=yuv420p[scene];"
             f"{sheet}[sheet];[scene][sheet]{laid},setsar=1[out]")
    subprocess.run(["ffmpeg", "-v", "error", "-stats", "-y", "-ss", str(args.start), "-t", str(LENGTH + 1), "-i", args.source, "-filter_complex",
                    graph, "-map", "[out]", "-t", str(LENGTH), "-an", "-c:v", "libx264", "-preset", "slow", "-crf", str(args.quality), "-g", "50",
                    "-pix_fmt", "yuv420p", "-movflags", "+faststart", args.output], check=True)
    truth, now = [], 0.0
    for label, start, end in EVENTS:
        truth += [{"label": "steady", "start": now, "end": start}, {"label": label, "start": start, "end": end}]
        now = end
    truth.append({"label": "steady", "start": now, "end": LENGTH})
    with open(os.path.splitext(args.output)[0] + ".json", "w") as file:
        json.dump({"clip": os.path.basename(args.output), "duration": LENGTH, "source": os.path.basename(args.source), "source_start": args.start,
                   "intervals": truth}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
