#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures what sta-monitor costs with many cameras, and how soon it reports events.

    meson devenv -C build bench/monitor_load.py --cameras 16 --rate 15 --seconds 600
    meson devenv -C build bench/monitor_load.py --cameras 64 --rate 5 --seconds 300

Cameras, broker and monitor all run on this machine. Each camera shows half a minute of real footage, 640 x 360; for the
last six seconds its lens is covered. The report gives the monitor's CPU and memory per camera (the cameras themselves
are another process), the delay from the moment of the change to the arrival of the event's MQTT message, the events
that are missing, and how much memory grew in the second half.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "monitor"))
from harness.broker import Broker, Subscriber, wait_for  # noqa: E402
from harness.monitor import Monitor  # noqa: E402

LENGTH, COVERED = 30, 24  # seconds


def make_scene(path, rate):
    """Makes footage of a camera that stands still, then six seconds of black, as H.264. Returns the number of
    frames."""
    caps = f"video/x-raw,format=I420,width=640,height=360,framerate={rate}/1,pixel-aspect-ratio=1/1"
    video = os.path.join(ROOT, "media", "one-by-one-30s.mp4")
    pipeline = (
        f"concat name=c ! x264enc bitrate=600 speed-preset=veryfast key-int-max={2 * rate} bframes=0 threads=1 ! h264parse ! "
        f"video/x-h264,stream-format=byte-stream,alignment=au ! filesink location={path} "
        f"filesrc location={video} ! decodebin ! videoconvert ! videoscale ! videorate ! {caps} ! identity eos-after={COVERED * rate + 1} ! c. "
        f"videotestsrc pattern=black num-buffers={(LENGTH - COVERED) * rate} ! {caps} ! c."
    )
    subprocess.run(["gst-launch-1.0", "-q", *pipeline.split()], check=True, timeout=300)
    count = f"filesrc location={path} ! h264parse ! video/x-h264,alignment=au ! fakesink silent=false"
    counted = subprocess.run(["gst-launch-1.0", "-v", *count.split()], check=True, timeout=300, capture_output=True, text=True)
    return counted.stdout.count("chain   *****")


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cameras:
    def __init__(self, scene, frames, count, rate):
        command = ["/usr/bin/python3", os.path.join(ROOT, "bench", "monitor_cameras.py"), scene, str(count)]
        self.process = subprocess.Popen([*command, str(frames), str(frames - (LENGTH - COVERED) * rate), str(rate)], stdout=subprocess.PIPE, text=True)
        self.uri = self.process.stdout.readline().strip()
        self.changes = []  # (camera, wall-clock time)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            number, moment = line.split()
            self.changes.append((f"camera-{number}", float(moment)))


def delays(cameras, subscriber, begun, ended):
    """Seconds from each change between the two times to its message, and the changes without a message."""
    events = {}
    for arrived, event in subscriber.events(label="covered", state="start"):
        events.setdefault(event["camera"], []).append(arrived)
    found, missing = [], []
    for camera, moment in cameras.changes:
        if not begun < moment < ended:
            continue
        after = [arrived for arrived in events.get(camera, []) if moment < arrived < moment + LENGTH - COVERED + 4]
        if after:
            found.append(min(after) - moment)
        else:
            missing.append((camera, moment))
    return found, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--rate", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--model", default="camera-watch")
    parser.add_argument("--drop-number", default="auto", help="tokens dropped per group; auto: as many as keep up with all cameras")
    parser.add_argument("--still-threshold", type=float, help="tokens that change less are dropped as still; 0: none; default: the model's")
    parser.add_argument("--record", action="store_true", help="with clips: the memory ring, and files")
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scene = os.path.join(folder, "scene.h264")
        cameras = Cameras(scene, make_scene(scene, args.rate), args.cameras, args.rate)
        broker = Broker(folder)
        subscriber = Subscriber(broker)
        still = {} if args.still_threshold is None else {"still-threshold": args.still_threshold}
        camera = {"watch": [{"model": args.model, "drop-number": args.drop_number, **still}], **({"record": True} if args.record else {})}
        watched = {f"camera-{number}": {"uri": f"{cameras.uri}/camera{number}", **camera} for number in range(args.cameras)}
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        monitor = Monitor("sta-monitor", folder, {"mqtt": {"url": broker.url}, "cameras": watched}).start()
        all_play = lambda: all(camera["state"] == "playing" for camera in monitor.get("/cameras")["cameras"])  # noqa: E731
        wait_for("all cameras play", all_play, 60)
        time.sleep(10)
        begun, cpu, cameras_cpu = time.time(), cpu_seconds(monitor.process), cpu_seconds(cameras.process)
        memory = []
        while time.time() < begun + args.seconds:
            time.sleep(min(5, max(0.1, begun + args.seconds - time.time())))
            memory.append(monitor.memory())
        took = time.time() - begun
        cpu, cameras_cpu = cpu_seconds(monitor.process) - cpu, cpu_seconds(cameras.process) - cameras_cpu
        time.sleep(12)  # for the events of the last changes
        found, missing = delays(cameras, subscriber, begun, begun + took)
        text = monitor.ask("/metrics").body.decode()
        windows = {
            result: sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("sta_windows_total") and f'result="{result}"' in line)
            for result in ("classified", "reused", "skipped", "failed")
        }
        frames = sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("sta_frames_total"))
        states = [line for line in monitor.log.splitlines() if ": stalled" in line or ": waiting" in line]
        monitor.stop()
        subscriber.stop()
        broker.stop()
        cameras.process.kill()
    half = memory[len(memory) // 2 :]
    # Compares the means of the run's last two quarters, because single readings jump.
    quarter = len(half) // 2
    growth = statistics.mean(half[quarter:]) / statistics.mean(half[:quarter]) - 1
    figures = {
        "cameras": args.cameras, "drop_number": args.drop_number, "rate": args.rate, "seconds": round(took), "cores": os.cpu_count(),
        "monitor_cpu_of_a_core": cpu / took, "cpu_of_a_core_per_camera": cpu / took / args.cameras, "cameras_cpu_of_a_core": cameras_cpu / took,
        "memory_mib": half[-1] / 2**20, "memory_mib_per_camera": half[-1] / 2**20 / args.cameras, "memory_growth_second_half": growth,
        "changes": len(found) + len(missing), "events_missing": len(missing), "delay_median": statistics.median(found), "delay_worst": max(found),
        "windows": windows, "frames": frames, "cameras_lost": len(states),
    }
    print(f"{args.cameras} cameras, 640 x 360 at {args.rate} fps, {args.model} with drop-number {args.drop_number}, {took:.0f} s on {os.cpu_count()} cores")
    print(f"CPU        {100 * figures['cpu_of_a_core_per_camera']:.1f} % of a core a camera ({100 * cpu / took:.0f} % in all; the cameras themselves {100 * cameras_cpu / took:.0f} %)")
    print(f"memory     {figures['memory_mib_per_camera']:.1f} MiB a camera ({figures['memory_mib']:.0f} MiB in all), {100 * growth:+.2f} % in the second half")
    print(f"delay      {figures['delay_median']:.2f} s in the median, {figures['delay_worst']:.2f} s at most, {len(found)} changes, {len(missing)} without an event")
    print("windows    " + ", ".join(f"{int(number)} {result}" for result, number in windows.items()) + f"; cameras lost {len(states)} times")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
