#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the shipped clips of camera-watch from footage of people that a still camera filmed.

ffmpeg's filters move, hide and blur the footage at known times. Writes the clip and, beside it, the true times as JSON.

    tools/clips/make_demo_clip.py SOURCE media/camera-watch-demo.mp4
    tools/clips/make_demo_clip.py SOURCE media/camera-watch-two-minutes.mp4 --play two-minutes --quality 30

The shipped clips come from one-by-one-person-detection.mp4 (Intel, CC BY 4.0). The training of camera-watch never saw
it.
"""

import argparse
import json
import os
import subprocess

# A play lists what the camera does, in order, in seconds from the beginning. Between two entries the camera stands
# still. zoom: at the beginning the view shows 1 / zoom of the footage's width; step: zooming in multiplies zoom by it;
# centre: the middle of the view, as shares of the footage; start: where in the footage the play begins, seconds.
DEMO = {"events": [("pan-left", 6.0, 9.0), ("pan-right", 13.0, 16.0), ("zoom-in", 20.0, 22.0), ("zoom-out", 27.0, 29.0), ("shake", 34.0, 38.0),
                   ("covered", 42.0, 47.0), ("defocused", 51.0, 56.0)],
        "length": 60.0, "zoom": 1.3, "step": 2.8 / 1.3, "centre": (0.59, 0.55), "start": 3.0}
TWO_MINUTES = {"events": [("tilt-down", 6.0, 8.0), ("tilt-up", 13.0, 15.0), ("covered", 20.0, 24.5), ("roll-clockwise", 30.0, 32.0),
                          ("roll-counterclockwise", 38.0, 40.0), ("pan-right", 45.0, 47.0), ("pan-left", 52.0, 55.0), ("shake", 60.0, 63.5),
                          ("zoom-in", 69.0, 70.5), ("defocused", 76.0, 80.0), ("zoom-out", 86.0, 87.5), ("pan-right", 94.0, 96.5),
                          ("shake", 102.0, 105.0), ("covered", 110.0, 114.0)],
               "length": 120.0, "zoom": 1.75, "step": 1.7, "centre": (0.5, 0.5), "start": 15.0}
PLAYS = {"demo": DEMO, "two-minutes": TWO_MINUTES}
RATE = 25
WIDTH, HEIGHT = 640, 360
SLIDE = 0.4  # seconds in which the cover comes and goes
PAN, TILT, ROLL = 0.2, 0.17, 0.42  # how far: shares of the footage's width and height, radians


def summed(play, size, towards, away, time):
    """ffmpeg expression: the sum of all ramps, +size for one label and -size for the other. zoompan calls the time
    `it`."""
    parts = [f"{size if label == towards else -size:+.4f}*clip(({time}-{start})/{end - start},0,1)"
             for label, start, end in play["events"] if label in (towards, away)]
    return "(0" + "".join(parts) + ")"


def during(play, name, time):
    """1 while the camera does `name`."""
    return "(0" + "".join(f"+between({time},{start},{end})" for label, start, end in play["events"] if label == name) + ")"


def camera(play):
    """The filters that turn, pan, tilt, zoom and shake. zoompan moves in whole pixels, so it works on an enlarged picture."""
    turn = summed(play, ROLL, "roll-counterclockwise", "roll-clockwise", "t")  # the picture turns the other way
    on = during(play, "shake", "it")
    zoom = f"{play['zoom']}*pow({play['step']:.4f},{summed(play, 1, 'zoom-in', 'zoom-out', 'it')})"
    x = f"({play['centre'][0]}+{summed(play, PAN, 'pan-right', 'pan-left', 'it')})*iw-iw/zoom/2+{on}*iw*0.018*(sin(2*PI*3.7*it)+0.7*sin(2*PI*5.3*it+1))"
    y = f"({play['centre'][1]}+{summed(play, TILT, 'tilt-down', 'tilt-up', 'it')})*ih-ih/zoom/2+{on}*ih*0.022*(sin(2*PI*4.3*it+2)+0.7*sin(2*PI*2.9*it))"
    rotate = f"rotate=a='{turn}':c=black," if turn != "(0)" else ""
    return f"{rotate}zoompan=z='{zoom}':x='{x}':y='{y}':d=1:s={WIDTH}x{HEIGHT}:fps={RATE}"


def lens(play):
    """A blur that grows in three steps, holds, and goes away."""
    steps = [step for label, start, end in play["events"] if label == "defocused"
             for step in ((3, start, start + 0.2), (7, start + 0.2, start + 0.4), (13, start + 0.4, end - 0.2), (5, end - 0.2, end))]
    return ",".join(f"gblur=sigma={sigma}:steps=3:enable='gte(t,{a:.2f})*lt(t,{b:.2f})'" for sigma, a, b in steps)


def cover(play):
    """A dark sheet that slides in from the left, stays, and slides out again."""
    sheet = f"gradients=s={WIDTH}x{HEIGHT}:c0=0x3a2a20:c1=0x120c0a:r={RATE}:d={play['length']}:speed=0.01,format=yuv420p"
    out = "".join(f"+clip((t-{start})/{SLIDE},0,1)-clip((t-{end - SLIDE})/{SLIDE},0,1)" for label, start, end in play["events"] if label == "covered")
    return sheet, f"overlay=x='-W+W*(0{out})':y=0:eval=frame:enable='{during(play, 'covered', 't')}'"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="footage of a still camera, longer than the play")
    parser.add_argument("output", help="clip to write (.mp4); the times go to the same name with .json")
    parser.add_argument("--play", choices=sorted(PLAYS), default="demo", help="what the camera does")
    parser.add_argument("--quality", type=int, default=26, help="x264's constant rate factor; more is smaller")
    args = parser.parse_args()
    play = PLAYS[args.play]
    length = play["length"]
    sheet, laid = cover(play)
    graph = (f"[0:v]setpts=PTS-STARTPTS,hqdn3d=3:2:8:8,fps={RATE},scale={4 * WIDTH}:{4 * HEIGHT}:flags=bilinear,{camera(play)},{lens(play)},format=yuv420p[scene];"
             f"{sheet}[sheet];[scene][sheet]{laid},setsar=1[out]")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-ss", str(play["start"]), "-t", str(length + 1), "-i", args.source, "-filter_complex",
                    graph, "-map", "[out]", "-t", str(length), "-an", "-c:v", "libx264", "-preset", "slow", "-crf", str(args.quality), "-g", "50",
                    "-pix_fmt", "yuv420p", "-movflags", "+faststart", args.output], check=True)
    truth, now = [], 0.0
    for label, start, end in play["events"]:
        truth += [{"label": "steady", "start": now, "end": start}, {"label": label, "start": start, "end": end}]
        now = end
    truth.append({"label": "steady", "start": now, "end": length})
    with open(os.path.splitext(args.output)[0] + ".json", "w") as file:
        json.dump({"clip": os.path.basename(args.output), "duration": length, "source": os.path.basename(args.source), "source_start": play["start"],
                   "intervals": truth}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
