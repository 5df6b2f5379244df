# SPDX-License-Identifier: MIT
"""Tests clips: from before the event to after it, as the camera sent it, with sound; pictures; byte ranges;
retention."""
import datetime
import subprocess
import time

import pytest
from harness.broker import wait_for

WATCH = [{"model": "camera-watch"}]


def durations(path, kind, decoder):
    """Seconds from the first to the last sample of a stream, and how many there are."""
    pipeline = f"filesrc location={path} ! qtdemux name=d d.{kind}_0 ! queue ! {decoder} ! fakesink sync=false silent=false"
    done = subprocess.run(["gst-launch-1.0", "-v", *pipeline.split()], capture_output=True, text=True, timeout=60)
    assert "Got EOS" in done.stdout, done.stdout[-2000:] + done.stderr
    times = []
    for line in done.stdout.splitlines():
        if "chain   *****" in line and "pts: " in line:
            text = line.split("pts: ")[1].split(",")[0]
            hours, minutes, seconds = text.split(":")
            times.append(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
    return times[-1] - times[0], len(times), times[0]


def event_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_clip_shows_the_event_and_what_was_before(make_camera, make_monitor, broker, subscriber, codec):
    camera = make_camera(codec=codec, sound=True)
    config = {"cameras": {"gate": {"uri": camera.uri, "watch": WATCH, "record": {"before": "3s", "after": "2s"}}}, "mqtt": {"url": broker.url}}
    monitor = make_monitor(config).start()
    monitor.wait_state("gate", "playing")
    time.sleep(5)
    camera.cover()
    wait_for("the event", lambda: subscriber.events("gate", state="start"), 15)
    time.sleep(1)
    camera.uncover()
    wait_for("its end", lambda: subscriber.events("gate", state="end"), 15)
    event = wait_for("the clip", lambda: [event for event in monitor.events("&label=covered") if event["clip_state"] == "done"], 15)[0]
    clip = f"{monitor.storage}/clips/{event['id']}.mp4"
    length = event_time(event["offset"]) - event_time(event["onset"])
    seconds, frames, first = durations(clip, "video", f"{codec}parse ! avdec_{codec}")
    # From a key frame (one a second), at most 3 s + 1 s before the onset, to 2 s after the end was reported.
    assert first == 0 and length + 4.5 < seconds < length + 3 + 1.2 + 2 + 3, (seconds, length)
    assert abs(frames - 10 * seconds) < 4, (frames, seconds)
    sound, _, _ = durations(clip, "audio", "aacparse ! avdec_aac")
    assert abs(sound - seconds) < 0.7, (sound, seconds)

    picture = monitor.ask(event["snapshot"])
    assert picture.status == 200 and picture.body[:2] == b"\xff\xd8" and picture.headers["Content-Type"] == "image/jpeg"

    # Ranges, in the form that players ask for.
    with open(clip, "rb") as file:
        whole = file.read()
    assert monitor.ask(event["clip"]).headers["Accept-Ranges"] == "bytes"
    size = len(whole)
    for asked, begin, end in (("0-99", 0, 100), ("100-", 100, size), ("-50", size - 50, size), ("5-5", 5, 6)):
        answer = monitor.ask(event["clip"], headers={"Range": "bytes=" + asked})
        assert answer.status == 206 and answer.body == whole[begin:end], asked
        assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{size}"
    assert monitor.ask(event["clip"], headers={"Range": f"bytes={size}-"}).status == 416
    head = monitor.ask(event["clip"], method="HEAD")
    assert head.status == 200 and int(head.headers["Content-Length"]) == size and head.body == b""


def test_a_clip_that_goes_on_plays_already(make_camera, make_monitor, broker, subscriber):
    camera = make_camera()
    config = {"cameras": {"gate": {"uri": camera.uri, "watch": WATCH, "record": {"before": "2s", "after": "1s", "at-most": "6s"}}}, "mqtt": {"url": broker.url}}
    monitor = make_monitor(config).start()
    monitor.wait_state("gate", "playing")
    time.sleep(3)
    camera.cover()
    event = wait_for("the event", lambda: subscriber.events("gate", state="start"), 15)[0][1]
    assert event["clip_state"] == "writing", event
    time.sleep(3)
    path = f"{monitor.storage}/so-far.mp4"
    with open(path, "wb") as file:
        file.write(monitor.ask(event["clip"]).body)
    seconds, _, first = durations(path, "video", "h264parse ! avdec_h264")
    assert first == 0 and seconds > 3, seconds
    # at-most ends the clip although the event goes on.
    wait_for("the clip ends", lambda: monitor.get(f"/events/{event['id']}")["clip_state"] == "done", 10)
    assert monitor.get(f"/events/{event['id']}")["state"] == "start"
    assert not monitor.camera("gate")["recording"]


def test_only_the_named_labels_are_recorded(make_camera, make_monitor, broker, subscriber):
    camera = make_camera()
    config = {"cameras": {"gate": {"uri": camera.uri, "watch": WATCH, "record": {"on": ["shake"]}}}, "mqtt": {"url": broker.url}}
    monitor = make_monitor(config).start()
    monitor.wait_state("gate", "playing")
    camera.cover()
    event = wait_for("the event", lambda: subscriber.events("gate", label="covered", state="start"), 15)[0][1]
    assert event["clip"] is None and event["clip_state"] == "none", event
    wait_for("its picture", lambda: monitor.get(f"/events/{event['id']}")["snapshot"])
    assert not monitor.camera("gate")["recording"]


def test_what_a_camera_sends_raw_is_encoded(make_monitor, broker, subscriber):
    """A test picture (like a webcam) has no H.264 of its own. A ball moves in it, and motion-watch reports it."""
    config = {"cameras": {"ball": {"uri": "test://ball", "watch": ["motion-watch"], "record": {"before": "1s", "after": "1s", "at-most": "4s"}}},
              "mqtt": {"url": broker.url}}
    monitor = make_monitor(config).start()
    wait_for("an event", lambda: subscriber.events("ball", state="start"), 40)
    done = wait_for("a clip", lambda: [event for event in monitor.events() if event["clip_state"] == "done"], 30)[0]
    path = f"{monitor.storage}/clip.mp4"
    with open(path, "wb") as file:
        file.write(monitor.ask(done["clip"]).body)
    seconds, frames, first = durations(path, "video", "h264parse ! avdec_h264")
    assert first == 0 and seconds > 1 and abs(frames - 15 * seconds) < 6, (seconds, frames)


def test_old_clips_go_when_there_are_too_many(make_camera, make_monitor, broker, subscriber):
    camera = make_camera()
    config = {"cameras": {"gate": {"uri": camera.uri, "watch": WATCH, "record": {"before": "1s", "after": "1s"}}}, "mqtt": {"url": broker.url}}
    monitor = make_monitor(config).start()
    monitor.wait_state("gate", "playing")
    for count in (1, 2):
        camera.cover()
        wait_for("the event", lambda: len(subscriber.events("gate", label="covered", state="start")) == count, 15)
        camera.uncover()
        wait_for("the clip", lambda: [event["clip_state"] for event in monitor.events("&label=covered")] == ["done"] * count, 20)
    newest, oldest = [event["id"] for event in monitor.events("&label=covered")]
    size = len(monitor.ask(f"/api/v1/events/{newest}/clip").body)
    monitor.stop()
    monitor.write({**config, "storage": {"folder": monitor.storage, "keep-free": "1MB", "at-most": f"{size}B"}})
    monitor.lines.clear()
    monitor.start()
    wait_for("the oldest clip is gone", lambda: monitor.ask(f"/api/v1/events/{oldest}/clip").status == 404)
    gone = monitor.get(f"/events/{oldest}")
    assert gone["clip"] is None and gone["clip_state"] == "none" and gone["snapshot"], gone
    assert monitor.ask(f"/api/v1/events/{newest}/clip").status == 200
