# SPDX-License-Identifier: MIT
"""Tests cameras that misbehave: the monitor gets them back, and the other cameras notice nothing."""
import time
import urllib.request

from harness.broker import wait_for

WATCH = [{"model": "camera-watch"}]


def covered(subscriber, camera, since):
    """The event of a cover that was put on at `since`."""
    return lambda: [event for arrived, event in subscriber.events(camera, label="covered", state="start") if arrived > since]


def cover_for_an_event(camera, name, subscriber):
    """Covers the lens until the event is reported, then uncovers it. Returns the delay in seconds."""
    since = camera.cover()
    wait_for(f"an event of {name}", covered(subscriber, name, since), 15)
    delay = time.time() - since
    camera.uncover()
    ended = [event for _, event in subscriber.events(name, label="covered", state="start")][-1]["id"]
    wait_for(f"the end of the event of {name}", lambda: subscriber.events(name, id=ended, state="end"), 15)
    return delay


def test_killed_stopped_and_changed_cameras_come_back(make_camera, make_monitor, broker, subscriber):
    cameras = {name: make_camera() for name in ("killed", "stopped", "other")}
    config = {"mqtt": {"url": broker.url}, "cameras": {name: {"uri": camera.uri, "watch": WATCH} for name, camera in cameras.items()}}
    monitor = make_monitor(config).start()
    for name in cameras:
        monitor.wait_state(name, "playing")
    for name, camera in cameras.items():
        cover_for_an_event(camera, name, subscriber)
    since = monitor.camera("other")["since"]

    cameras["killed"].kill()
    cameras["stopped"].freeze()
    frozen = time.monotonic()
    wait_for("the killed camera is missed", lambda: subscriber.last("sta/killed/status") == "offline")
    down = monitor.camera("killed")
    assert down["state"] in ("waiting", "connecting") and down["reason"], down
    # It comes back as another camera, and its events continue.
    cameras["killed"].start(codec="h265", size="480x270", rate=15)
    wait_for("the changed camera is back", lambda: subscriber.last("sta/killed/status") == "online", 30)
    cover_for_an_event(cameras["killed"], "killed", subscriber)
    changed = monitor.camera("killed")
    assert (changed["width"], changed["height"]) == (480, 270), changed

    wait_for("the stopped camera is missed", lambda: subscriber.last("sta/stopped/status") == "offline")
    assert "no picture" in monitor.camera("stopped")["reason"], monitor.camera("stopped")
    time.sleep(max(0, 20 - (time.monotonic() - frozen)))
    cameras["stopped"].thaw()
    wait_for("the stopped camera is back", lambda: subscriber.last("sta/stopped/status") == "online", 40)
    cover_for_an_event(cameras["stopped"], "stopped", subscriber)

    # The third camera noticed nothing of all this.
    cover_for_an_event(cameras["other"], "other", subscriber)
    untouched = monitor.camera("other")
    assert untouched["since"] == since and untouched["state"] == "playing", untouched
    assert subscriber.of("sta/other/status") == ["offline", "online"], subscriber.of("sta/other/status")
    assert [event["state"] for _, event in subscriber.events("other", label="covered")] == ["start", "end", "start", "end"]
    assert not any(event["interrupted"] for _, event in subscriber.events("other"))


def test_an_event_that_is_open_ends_with_its_camera(make_camera, make_monitor, broker, subscriber):
    camera = make_camera()
    monitor = make_monitor({"mqtt": {"url": broker.url}, "cameras": {"gate": {"uri": camera.uri, "watch": WATCH}}}).start()
    monitor.wait_state("gate", "playing")
    since = camera.cover()
    wait_for("the event", covered(subscriber, "gate", since), 15)
    wait_for("it is on", lambda: subscriber.last("sta/gate/camera-watch/active/covered") == "ON")
    camera.kill()
    ended = wait_for("its end", lambda: subscriber.events("gate", label="covered", state="end"))[0][1]
    assert ended["interrupted"] and ended["offset"] > ended["onset"], ended
    wait_for("it is off", lambda: subscriber.last("sta/gate/camera-watch/active/covered") == "OFF")
    assert monitor.events()[0]["state"] == "end"


def live_picture(monitor, name):
    """Whether live pictures of a camera really come: the first two of them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor.port}/api/v1/cameras/{name}/live", timeout=10) as stream:
        data = b""
        while data.count(b"\xff\xd9") < 2:
            data += stream.read1(65536)
    return data.count(b"Content-Type: image/jpeg") >= 2


def test_every_kind_of_source(make_camera, make_monitor, root, tmp_path, web_server):
    """RTSP over UDP, a camera that sends JPEG, a file in a loop, the same from a web server, a path, a test picture."""
    clip = f"{root}/media/S2_Fall_12.mp4"
    cameras = {
        "udp": {"uri": make_camera().uri, "transport": "udp"},
        "jpeg": {"uri": make_camera(codec="jpeg").uri},
        "loop": {"uri": f"file://{clip}", "loop": True},
        "path": {"uri": clip, "loop": True},
        "web": {"uri": web_server(f"{root}/media") + "/S2_Fall_12.mp4"},
        "test": {"uri": "test://ball"},
        "nothing": {"uri": f"{tmp_path}/nothing.mp4"},
        "text": {"uri": __file__},
        "nobody": {"uri": "rtsp://127.0.0.1:1/none"},
    }
    monitor = make_monitor({"defaults": {"watch": WATCH}, "cameras": cameras}).start()
    for name in ("udp", "jpeg", "loop", "path", "web", "test"):
        wait_for(lambda name=name: f"frames of {name}: {monitor.camera(name)}", lambda name=name: monitor.camera(name)["frames"] > 20, 40)
    for name, reason in (("nothing", "nothing.mp4"), ("text", ""), ("nobody", "connect")):
        wait_for(lambda name=name: f"{name} has a reason: {monitor.camera(name)}", lambda name=name: monitor.camera(name)["reason"])
        assert reason in monitor.camera(name)["reason"], monitor.camera(name)
        assert monitor.camera(name)["state"] != "playing"
    # The clip lasts 6 s, so the looping one was rewound meanwhile or soon will be.
    frames = monitor.camera("loop")["frames"]
    assert live_picture(monitor, "loop")
    time.sleep(12)
    assert live_picture(monitor, "loop")
    assert monitor.camera("loop")["frames"] > frames + 150 and monitor.camera("loop")["state"] == "playing", monitor.camera("loop")


def test_time_of_the_camera_is_used_where_rtp_says_it(make_camera, make_monitor, broker, subscriber):
    camera = make_camera()
    monitor = make_monitor({"mqtt": {"url": broker.url}, "cameras": {"gate": {"uri": camera.uri, "watch": WATCH}, "ball": {"uri": "test://ball", "watch": WATCH}}})
    monitor.start()
    monitor.wait_state("gate", "playing")
    time.sleep(6)  # until the first report of the sender
    since = camera.cover()
    event = wait_for("the event", covered(subscriber, "gate", since), 15)[0]
    assert event["clock"] == "camera", event
    onset = time.mktime(time.strptime(event["onset"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(event["onset"][19:23])
    assert abs(onset - since) < 1.5, (event, since)
