# SPDX-License-Identifier: MIT
"""Makes camera motion with ffmpeg's own filters, to test that the model learnt motion and not the training code's
sampling.

Each clip is a real video file. A piece of footage is moved by crop, zoompan, rotate, perspective or scale, hidden by
overlay, drawbox or fade, or blurred by boxblur, gblur or avgblur. Then it is encoded. The whole clip shows one state.
"""

import subprocess

import numpy as np

SECONDS = 1.7
RATE = 25


def _pan(rng, label):
    """Moving crop: about half of the picture travels over the rest."""
    w, h = rng.uniform(0.4, 0.6), rng.uniform(0.45, 0.65)
    room_x, room_y = (1 - w), (1 - h)
    reach = rng.uniform(0.3, 1.0)
    ease = rng.choice(["n", "linear"])
    s = f"(t/{SECONDS})" if ease == "linear" else f"(0.5-0.5*cos(PI*t/{SECONDS}))"
    forward = f"({(1 - reach) / 2:.3f}+{reach:.3f}*{s})"
    place = forward if label in ("pan-right", "tilt-down") else f"(1-{forward})"
    fixed = rng.uniform(0.2, 0.8)
    x, y = (place, f"{fixed:.3f}") if label.startswith("pan") else (f"{fixed:.3f}", place)
    return f"crop=w='trunc(iw*{w:.3f}/2)*2':h='trunc(ih*{h:.3f}/2)*2':x='iw*{room_x:.3f}*{x}':y='ih*{room_y:.3f}*{y}'"


def _zoom(rng, label, size):
    w, h = size
    most = rng.uniform(1.25, 2.2)
    s = f"(on/{SECONDS * RATE:.1f})"
    grow = f"1.02+{most - 1:.3f}*{s}" if label == "zoom-in" else f"1.02+{most - 1:.3f}*(1-{s})"
    big = f"scale={2 * w}:{2 * h}"  # zoompan moves in whole pixels, so it works on an enlarged picture
    return f"{big},zoompan=z='{grow}':d=1:x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)':s={w}x{h}:fps={RATE}"


def _roll(rng, label):
    speed = np.radians(rng.uniform(8, 45))
    begin = rng.uniform(-0.3, 0.3)
    # rotate turns the picture clockwise for growing angles, so the camera turned the opposite way.
    sign = "-" if label == "roll-clockwise" else ""
    turn = f"rotate=a='{sign}({begin:.3f}+{speed:.4f}*t)':c=black"
    return turn + (",crop=w='trunc(ih*0.62/2)*2':h='trunc(ih*0.62/2)*2'" if rng.random() < 0.7 else "")


def _shake(rng):
    size = rng.uniform(0.012, 0.05)
    a, b, c, d = rng.uniform(2.2, 6.5, 4)
    if rng.random() < 0.3:
        x, y = f"{size:.4f}*(2*random(0)-1)*1.4", f"{size:.4f}*(2*random(1)-1)*1.4"
    else:
        x = f"{size:.4f}*(sin(2*PI*{a:.2f}*t)+0.6*sin(2*PI*{b:.2f}*t+1))"
        y = f"{size:.4f}*(sin(2*PI*{c:.2f}*t+2)+0.6*sin(2*PI*{d:.2f}*t+3))"
    return f"crop=w='trunc(iw*0.78/2)*2':h='trunc(ih*0.78/2)*2':x='iw*(0.11+{x})':y='ih*(0.11+{y})'"


def _covered(rng, size):
    w, h = size
    colour = "0x%02x%02x%02x" % tuple(int(v) for v in rng.integers(0, 140, 3))
    kind = rng.integers(0, 4)
    if kind == 0:
        return f"drawbox=x=0:y=0:w=iw:h=ih:color={colour}:t=fill"
    if kind == 1:
        return f"drawbox=x=0:y=0:w=iw*{rng.uniform(0.85, 1):.3f}:h=ih:color={colour}:t=fill,gblur=sigma=6,noise=alls=8:allf=t"
    if kind == 2:
        return f"fade=t=out:st=0:d=0.4:color={colour}"
    slide = rng.choice([f"x='min(0,-W+W*t/{rng.uniform(0.2, 0.6):.2f})':y=0", f"x=0:y='min(0,-H+H*t/{rng.uniform(0.2, 0.6):.2f})'"])
    dark = "0x%02x%02x%02x" % tuple(int(v) for v in rng.integers(0, 90, 3))
    return f"null[a];gradients=s={w}x{h}:c0={colour}:c1={dark}:r={RATE}:d={SECONDS}:speed=0.01[b];[a][b]overlay={slide}:eval=frame"


def _defocused(rng, size):
    short = min(size)
    sigma = short * rng.uniform(0.016, 0.05)
    kind = rng.integers(0, 3)
    if kind == 0:
        return f"gblur=sigma={sigma:.2f}:steps=2"
    radius = max(2, int(round(sigma * 1.73)))  # a box of radius r has a deviation of about r / 1.73
    return f"boxblur={radius}:1" if kind == 1 else f"avgblur=sizeX={radius}"


def _steady(rng):
    kind = rng.integers(0, 4)
    if kind == 0:
        return "null"
    if kind == 1:
        return f"noise=alls={int(rng.integers(4, 16))}:allf=t"
    if kind == 2:
        return f"eq=brightness={rng.uniform(-0.15, 0.1):.3f}:contrast={rng.uniform(0.7, 1.2):.3f}:gamma={rng.uniform(0.7, 1.3):.3f}"
    return f"crop=w='trunc(iw*{rng.uniform(0.55, 0.95):.3f}/2)*2':h='trunc(ih*{rng.uniform(0.55, 0.95):.3f}/2)*2'"


def make_clip(source, start, size, label, rng, out):
    """Write one clip of SECONDS in which the camera does `label`, from `source` of the given (width, height)."""
    if label.startswith(("pan", "tilt")):
        chain = _pan(rng, label)
    elif label.startswith("zoom"):
        chain = _zoom(rng, label, size)
    elif label.startswith("roll"):
        chain = _roll(rng, label)
    else:
        chain = {"shake": lambda: _shake(rng), "covered": lambda: _covered(rng, size), "defocused": lambda: _defocused(rng, size),
                 "steady": lambda: _steady(rng)}[label]()
    short = int(rng.choice([240, 360, 480, 720]))
    graph = f"[0:v]fps={RATE},setpts=PTS-STARTPTS,{chain},scale='if(gt(iw,ih),-2,{short})':'if(gt(iw,ih),{short},-2)',setsar=1[v]"
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(int(rng.integers(20, 36)))]
    if rng.random() < 0.25:
        codec = ["-c:v", "mpeg4", "-q:v", str(int(rng.integers(3, 12)))]
    command = ["ffmpeg", "-v", "error", "-y", "-threads", "1", "-ss", f"{start:.2f}", "-t", f"{SECONDS + 0.3}", "-i", source, "-filter_complex", graph,
               "-map", "[v]", "-t", f"{SECONDS}", "-an", "-pix_fmt", "yuv420p", "-threads", "1", *codec, out]
    subprocess.run(command, check=True)
