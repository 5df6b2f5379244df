# SPDX-License-Identifier: MIT
"""Degrades a scene to the pictures of a cheap camera: exposure, colour, night, noise, codecs, overlays, timing."""

import subprocess

import cv2
import numpy as np

from . import FRAMES, INTERVAL

NOISE_SIGMAS = (2, 4, 6, 9, 13)
_noise = {}


def noise_bank(sigma, side=288):
    """A fixed field of Gaussian noise [side, side, 3] int16; slices of it at random places serve as noise."""
    if sigma not in _noise:
        field = np.random.default_rng(sigma).normal(0, sigma, (side, side, 3))
        _noise[sigma] = np.round(field).astype(np.int16)
    return _noise[sigma]


def frame_times(rng):
    """Instants [FRAMES] at which the pictures were really taken.

    The sampler asks for a picture every INTERVAL. A camera answers with its newest one. So slow cameras repeat
    pictures, and rates that do not divide evenly jitter."""
    wanted = np.arange(FRAMES) * INTERVAL
    kind = rng.random()
    if kind < 0.35:
        return wanted
    rate = float(rng.choice([6, 7.5, 8, 9, 10, 12, 12.5, 15, 20, 24, 25, 29.97, 30, 50]))
    phase = rng.random()
    index = np.floor(wanted * rate + phase + 1e-9)
    times = (index - phase) / rate
    if rng.random() < 0.3:  # irregular clock
        times = times + rng.normal(0, 0.15 / rate, FRAMES)[np.searchsorted(np.unique(index), index)]
    if rng.random() < 0.12:  # dropped pictures: the one before is shown again
        for i in np.flatnonzero(rng.random(FRAMES) < 0.12):
            if i:
                times[i] = times[i - 1]
    return np.maximum.accumulate(np.clip(times, -0.25, None))


class Look:
    """Tone, colour and noise of one clip, drawn once, applied to every picture."""

    def __init__(self, rng, sudden_light, clear=False):
        x = np.linspace(0, 1, 256)
        gamma = np.exp(rng.normal(0, 0.22))
        gain, lift = np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.03)
        colour = np.exp(rng.normal(0, 0.08, 3))
        self.grey = rng.random() < 0.16
        self.sigma = int(rng.choice(NOISE_SIGMAS[:3])) if rng.random() < 0.45 else 0
        if clear:
            self.sigma = 0
        elif rng.random() < 0.14:  # night
            gamma *= rng.uniform(1.0, 1.6)
            gain *= rng.uniform(0.35, 0.8)
            self.sigma = int(rng.choice(NOISE_SIGMAS))
            self.grey = self.grey or rng.random() < 0.5
        if rng.random() < 0.08:
            lift, gain = lift + rng.uniform(0, 0.25), gain * rng.uniform(0.5, 0.8)  # fog, backlight
        self.curve = np.clip(gain * x[:, None] ** gamma * colour + lift, 0, None)  # [256, 3]
        self.drift = rng.normal(0, 0.08) if rng.random() < 0.4 else 0.0
        self.flicker = rng.uniform(0, 0.05) if rng.random() < 0.15 else 0.0
        self.phase = rng.uniform(0, 6.28), rng.uniform(0.3, 5.0)
        if clear:
            self.drift = self.flicker = 0.0
        self.switch = (rng.uniform(0.2, 1.4), np.exp(rng.normal(0, 0.5)), rng.uniform(0.01, 0.4)) if rng.random() < sudden_light else None
        self.fixed_pattern = rng.random() < 0.1
        self.grain = cv2.INTER_NEAREST if rng.random() < 0.2 else None
        self.offset = rng.integers(0, 30, (FRAMES, 2))

    def apply(self, picture, i, t):
        """picture [R, R, 3] uint8 as the camera delivers it."""
        light = 1 + self.drift * (t - 0.75) + self.flicker * np.sin(self.phase[0] + 6.28 * self.phase[1] * t)
        if self.switch:
            start, factor, length = self.switch
            light *= 1 + (factor - 1) * np.clip((t - start) / length, 0, 1)
        table = np.clip(self.curve * light * 255, 0, 255).astype(np.uint8)[None]
        picture = cv2.LUT(picture, table)
        if self.grey:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if self.sigma:
            side = picture.shape[0]
            y, x = self.offset[0 if self.fixed_pattern else i]
            field = noise_bank(self.sigma)[y:y + side, x:x + side]
            if self.grey:
                field = np.repeat(field[..., :1], 3, 2)
            picture = cv2.add(picture, field, dtype=cv2.CV_8U)
        return picture


class Overlay:
    """A clock, camera name, logo, frame or letterbox burnt into the picture. It stays in place, whatever the camera
    does."""

    def __init__(self, rng, side):
        self.bars = int(side * rng.uniform(0.03, 0.13)) if rng.random() < 0.2 else 0
        self.text = []
        if rng.random() < 0.75:
            for _ in range(int(rng.integers(1, 3))):
                place = int(rng.integers(0, side // 2)), int(rng.choice([side // 12, side - side // 25]))
                colour = (255, 255, 255) if rng.random() < 0.6 else tuple(int(v) for v in rng.integers(0, 256, 3))
                self.text.append((place, colour, side / 192 * rng.uniform(0.25, 0.55)))
        self.count = int(rng.integers(0, 86000))

    def draw(self, picture, t):
        for (place, colour, size) in self.text:
            s = self.count + int(t)
            cv2.putText(picture, f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d} CAM", place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
        if self.bars:
            picture[:self.bars] = 0
            picture[-self.bars:] = 0
        return picture


def jpeg(picture, quality):
    """One trip through JPEG, as in a motion-JPEG camera."""
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def codec_trip(frames, rng, rate=10):
    """frames [n, R, R, 3] uint8 encoded and decoded by ffmpeg with a codec, quality and key-frame distance drawn at random."""
    side = frames.shape[1]
    codec = rng.choice(["libx264", "libx264", "mpeg4", "mpeg2video"])
    gop = str(int(rng.choice([6, 10, 12, 25, 50, 250])))
    if codec == "libx264":
        options = ["-preset", "ultrafast" if rng.random() < 0.5 else "veryfast", "-crf", str(int(rng.integers(24, 41))), "-sc_threshold", "0"]
    else:
        options = ["-q:v", str(int(rng.integers(4, 25)))]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{side}x{side}"]
    speed = "25" if codec != "libx264" else str(rate)
    encode = ["ffmpeg", "-v", "error", "-threads", "1", *raw, "-r", speed, "-i", "-", "-pix_fmt", "yuv420p", "-c:v", codec, "-threads", "1",
              "-g", gop, *options, "-f", "nut", "-"]
    stream = subprocess.run(encode, input=frames.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    decode = ["ffmpeg", "-v", "error", "-threads", "1", "-i", "-", *raw[:4], "-"]
    plain = subprocess.run(decode, input=stream, stdout=subprocess.PIPE, check=True).stdout
    decoded = np.frombuffer(plain, np.uint8).reshape(-1, side, side, 3)
    if len(decoded) != len(frames):
        raise RuntimeError(f"{codec} gave {len(decoded)} pictures for {len(frames)}")
    return decoded
