# SPDX-License-Identifier: MIT
"""Tests the program's interface for administrators: --check, errors of the file, reload, cameras over REST, secrets,
metrics."""
import json
import os
import re
import subprocess
import time

from harness.broker import Broker, Subscriber, wait_for

WATCH = [{"model": "camera-watch"}]
PROGRAM = os.environ.get("STA_MONITOR", "sta-monitor")


def run(*arguments, **environment):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=30, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


def test_command_line(tmp_path):
    status, printed, _ = run("--print-defaults")
    assert status == 0
    file = tmp_path / "defaults.yaml"
    file.write_text(printed)
    status, said, error = run("--check", str(file))
    assert status == 0 and said == f"{file}: good, 1 cameras\n" and error == "", (said, error)
    assert run()[0] == 2 and run("--what")[0] == 2 and run("a", "b")[0] == 2
    assert run("--help")[0] == 0 and run("--version")[1].startswith("sta-monitor ")
    status, _, error = run(str(tmp_path / "none.yaml"))
    assert status == 1 and "none.yaml: cannot be read: No such file" in error, error
    file.write_text("cameras:\n  gate:\n    urii: rtsp://x/y\n    watch: [camera-watch]\n  hall: { uri: 'rtsp://${NO_SUCH}@h/', watch: [camera-wach] }\n")
    status, _, error = run("--check", str(file))
    assert status == 1 and f'{file}:3: camera gate: unknown key "urii"; did you mean "uri"?' in error, error
    assert f"{file}:5: " in error and "NO_SUCH is not set" in error and '"camera-wach" is no installed model' in error, error


def test_shipped_configurations(make_monitor, root, tmp_path):
    """The example file reads without errors, and the demo shows events of both its cameras, with clips."""
    names = ("STA_TOKEN", "MQTT_PASSWORD", "GATE_USER", "GATE_PASSWORD")
    secrets = {name: "a-long-text" for name in names}
    status, said, error = run("--check", f"{root}/deploy/cameras.example.yaml", **secrets)
    assert status == 0 and error == "", error
    monitor = make_monitor({})
    with open(f"{root}/deploy/cameras.demo.yaml", encoding="utf-8") as file:
        text = file.read()
    text = text.replace("127.0.0.1:8090", f"127.0.0.1:{monitor.port}").replace("../out/monitor", monitor.storage).replace("../media", f"{root}/media")
    with open(monitor.file, "w", encoding="utf-8") as file:
        file.write(text)
    monitor.start()
    for camera in ("workshop", "hall"):
        wait_for(f"a clip of {camera}", lambda camera=camera: [e for e in monitor.events("&camera=" + camera) if e["clip_state"] == "done"], 60)


def test_the_file_is_read_again_without_touching_other_cameras(make_camera, make_monitor):
    first, second = make_camera(), make_camera()
    cameras = {"first": {"uri": first.uri, "watch": WATCH}, "second": {"uri": second.uri, "watch": WATCH}}
    monitor = make_monitor({"cameras": cameras}).start()
    for name in cameras:
        monitor.wait_state(name, "playing")
    before = monitor.camera("first")
    monitor.write({"cameras": {**cameras, "second": {"uri": second.uri, "watch": ["motion-watch"]}, "third": {"uri": "test://ball", "watch": WATCH}}})
    wait_for("a new camera", lambda: "third" in [camera["name"] for camera in monitor.get("/cameras")["cameras"]])
    wait_for("another model", lambda: monitor.camera("second")["watch"][0]["model"] == "motion-watch")
    monitor.wait_state("second", "playing")
    after = monitor.camera("first")
    assert after["since"] == before["since"] and after["frames"] > before["frames"] and monitor.log.count("camera first: playing") == 1

    # A file with a fault changes nothing, and says why.
    with open(monitor.file, "w", encoding="utf-8") as file:
        file.write("cameras: { first: { uri: nonsense://x, watch: [camera-watch] } }")
    wait_for("the fault", lambda: 'has the scheme "nonsense"' in monitor.log)
    assert len(monitor.get("/cameras")["cameras"]) == 3 and monitor.camera("first")["since"] == before["since"]
    # A signal makes it reload too, and a camera that the file no longer names goes away.
    monitor.write({"cameras": {"first": cameras["first"]}})
    os.kill(monitor.process.pid, 1)
    wait_for("one camera is left", lambda: [camera["name"] for camera in monitor.get("/cameras")["cameras"]] == ["first"])
    assert monitor.camera("first")["since"] == before["since"]


def test_cameras_over_rest(make_monitor, broker, subscriber):
    config = {"mqtt": {"url": broker.url, "home-assistant": True}, "cameras": {"one": {"uri": "test://ball", "watch": WATCH}}}
    monitor = make_monitor(config).start()
    monitor.wait_state("one", "playing")
    put = monitor.ask("/api/v1/cameras/two", "PUT", {"uri": "test://smpte", "watch": [{"model": "camera-watch"}, {"model": "motion-watch"}]})
    assert put.status == 201 and put.json["name"] == "two", put.body
    monitor.wait_state("two", "playing")
    assert [watch["model"] for watch in monitor.camera("two")["watch"]] == ["camera-watch", "motion-watch"]
    topic = "homeassistant/binary_sensor/sta_two_camera-watch_covered/config"
    wait_for("Home Assistant hears of it", lambda: subscriber.last(topic))
    for body, sentence in (({"uri": "test://ball"}, "watch is missing"), (b"{\"uri\": [", "no YAML"), ({"uri": "x://y", "watch": WATCH}, "scheme"), ([], "JSON object")):
        refused = monitor.ask("/api/v1/cameras/three", "PUT", body)
        assert refused.status == 400 and sentence in refused.json["error"], refused.body
    odd = monitor.ask("/api/v1/cameras/a%20b", "PUT", {"uri": "test://ball", "watch": WATCH})
    assert odd.status == 400 and "a name has 1 to 64 letters" in odd.json["error"], odd.body
    # It is kept in addition to the file.
    monitor.stop()
    monitor.lines.clear()
    monitor.start()
    monitor.wait_state("two", "playing")
    assert monitor.ask("/api/v1/cameras/two", "PUT", {"uri": "test://snow", "watch": WATCH}).status == 200
    assert monitor.ask("/api/v1/cameras/two", "DELETE").status == 204
    assert monitor.ask("/api/v1/cameras/two").status == 404
    wait_for("Home Assistant forgets it", lambda: subscriber.last(topic) == "")
    assert monitor.ask("/api/v1/cameras/one", "DELETE").status == 204
    monitor.stop()
    monitor.lines.clear()
    monitor.start()
    assert monitor.get("/cameras")["cameras"] == []
    # The way back to the settings of the file.
    assert monitor.ask("/api/v1/cameras/one/override", "DELETE").status == 204
    assert [camera["name"] for camera in monitor.get("/cameras")["cameras"]] == ["one"]
    assert monitor.ask("/api/v1/cameras/one/override", "DELETE").status == 404


def test_secrets_stay_secret(make_camera, make_monitor, tmp_path_factory):
    """Passwords in URIs, the broker's password and the token appear in no log, page, metric, error, message or process
    title."""
    secrets = ["s3cret-of-the-camera", "s3cret-of-another", "s3cret-of-the-broker", "s3cret-token", "s3cret-in-the-query"]
    folder = str(tmp_path_factory.mktemp("broker"))
    broker = Broker(folder, "monitor", secrets[2])
    subscriber = Subscriber(broker)
    camera = make_camera(user="viewer", password=secrets[0])
    cameras = {
        "good": {"uri": camera.with_credentials("viewer", secrets[0]), "watch": WATCH, "record": True},
        "wrong": {"uri": camera.with_credentials("viewer", secrets[1]), "watch": WATCH},
        "apart": {"uri": camera.uri, "user": "viewer", "password": "${CAMERA_PASSWORD}", "watch": WATCH},
        "gone": {"uri": f"rtsp://viewer:{secrets[1]}@127.0.0.1:1/live", "watch": WATCH},
        "query": {"uri": f"http://127.0.0.1:1/video.cgi?user=a&password={secrets[4]}", "watch": WATCH},
    }
    config = {"mqtt": {"url": broker.url.replace("//", f"//monitor:{secrets[2]}@"), "home-assistant": True}, "cameras": cameras}
    monitor = make_monitor(config, token=secrets[3], environment={"GST_DEBUG": "2", "CAMERA_PASSWORD": secrets[0]}).start()
    monitor.wait_state("good", "playing")
    monitor.wait_state("apart", "playing")
    for name in ("wrong", "gone", "query"):
        wait_for(f"{name} has a reason", lambda name=name: monitor.camera(name)["reason"])
    camera.cover()
    wait_for("an event", lambda: subscriber.events("good", state="start"), 15)
    seen = {"log": lambda: monitor.log, "messages": lambda: repr(subscriber.messages)}
    for path in ("/", "/metrics", "/healthz", "/readyz", "/api/v1/cameras", "/api/v1/events", "/api/v1/status", "/api/v1/openapi.json", "/page/page.js"):
        seen[path] = lambda path=path: str(monitor.ask(path).headers) + monitor.ask(path).body.decode()
    seen["refused token"] = lambda: monitor.ask("/api/v1/cameras", token=secrets[3] + "x").body.decode()
    for name in cameras:
        seen[name] = lambda name=name: monitor.ask(f"/api/v1/cameras/{name}").body.decode()
    bad = {**config, "cameras": {"bad": {"uri": f"rtsq://u:{secrets[1]}@h/x", "watch": WATCH}, "slash": {"uri": f"rtsp://u:pa/{secrets[1]}@h/x", "watch": WATCH}}}
    refused = monitor.ask("/api/v1/cameras/bad", "PUT", bad["cameras"]["bad"])
    assert refused.status == 400
    seen["refused camera"] = lambda: refused.body.decode()
    monitor.write(bad)
    wait_for("the fault is told", lambda: "was not taken over" in monitor.log)
    time.sleep(2)
    for name in ("cmdline", "comm", "status"):
        with open(f"/proc/{monitor.process.pid}/{name}", encoding="utf-8") as file:
            text = file.read()
        seen["/proc " + name] = lambda text=text: text
    for task in os.listdir(f"/proc/{monitor.process.pid}/task"):
        with open(f"/proc/{monitor.process.pid}/task/{task}/comm", encoding="utf-8") as file:
            text = file.read()
        seen["thread " + task] = lambda text=text: text
    for name, text in seen.items():
        for secret in secrets:
            assert secret not in text(), f"{secret} is in {name}"
    # On the disk: only what came over REST is kept, and this was refused.
    for path, _, names in os.walk(monitor.storage):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                data = file.read()
            for secret in secrets:
                assert secret.encode() not in data, name
    subscriber.stop()
    broker.stop()


def test_metrics(make_camera, make_monitor, broker, subscriber):
    camera = make_camera()
    watch = [{"model": "camera-watch", "still-threshold": 0.1}]
    config = {"mqtt": {"url": broker.url}, "cameras": {"gate": {"uri": camera.uri, "watch": watch, "record": True}, "gone": {"uri": "rtsp://127.0.0.1:1/", "watch": WATCH}}}
    monitor = make_monitor(config).start()
    monitor.wait_state("gate", "playing")
    camera.cover()
    wait_for("an event", lambda: subscriber.events("gate", state="start"), 15)

    def values():
        found = {}
        for line in monitor.ask("/metrics").body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    # Windows are counted once a second.
    wait_for("windows are counted", lambda: values()['sta_windows_total{camera="gate",model="camera-watch",result="classified"}'] > 1)
    text = monitor.ask("/metrics").body.decode()
    now = values()
    assert now['sta_camera_up{camera="gate"}'] == 1 and now['sta_camera_up{camera="gone"}'] == 0
    assert now['sta_events_total{camera="gate",label="covered"}'] == 1
    assert now['sta_frames_total{camera="gate"}'] > 10
    assert now['sta_windows_total{camera="gate",model="camera-watch",result="classified"}'] > 1
    for kind in ("reused", "skipped", "failed"):
        assert f'sta_windows_total{{camera="gate",model="camera-watch",result="{kind}"}}' in now
    assert now['sta_window_seconds_count{camera="gate",model="camera-watch"}'] > 1
    assert now['sta_event_delay_seconds_count{camera="gate"}'] == 1 and 0 < now['sta_event_delay_seconds_sum{camera="gate"}'] < 10
    assert now['sta_drop_number{camera="gate",model="camera-watch"}'] == 0
    # Of 288 tokens at least the first step's 36 are used. Most of a covered picture is still.
    wait_for("still tokens are dropped", lambda: 36 <= values()['sta_window_tokens{camera="gate",model="camera-watch"}'] < 288)
    assert now["process_resident_memory_bytes"] > 1e7 and now["process_open_fds"] > 5 and now["process_cpu_seconds_total"] > 0
    for name in ("sta_engine_load", "sta_clips_bytes", "process_start_time_seconds"):
        assert any(key.startswith(name) for key in now), name
    # Every metric has a help text and a type. Counters end in _total, and nothing else does.
    for name, kind in re.findall(r"# TYPE (\S+) (\S+)", text):
        assert f"# HELP {name} " in text and name.endswith("_total") == (kind == "counter"), name
    frames = now['sta_frames_total{camera="gate"}']
    time.sleep(1)
    assert values()['sta_frames_total{camera="gate"}'] > frames
    monitor.ask("/api/v1/cameras/gate", "DELETE")
    assert not [name for name in values() if 'camera="gate"' in name]


def test_home_assistant(make_monitor, broker, subscriber):
    config = {"mqtt": {"url": broker.url, "home-assistant": True}, "cameras": {"gate": {"uri": "test://smpte", "watch": WATCH}}}
    monitor = make_monitor(config).start()
    monitor.wait_state("gate", "playing")
    wait_for("its labels", lambda: any("binary_sensor/sta_gate_camera-watch" in topic for _, topic, _ in subscriber.messages))
    time.sleep(0.5)
    found = {topic: json.loads(payload) for _, topic, payload in subscriber.messages if topic.startswith("homeassistant/") and payload}
    labels = {entry["name"] for topic, entry in found.items() if "/binary_sensor/" in topic and "camera-watch" in topic}
    assert "covered" in labels and "steady" not in labels and len(labels) == 11, labels
    connection = [entry for entry in found.values() if entry.get("device_class") == "connectivity"]
    assert len(connection) == 1 and connection[0]["state_topic"] == "sta/gate/status"
    assert len({entry["unique_id"] for entry in found.values()}) == len(found)
    assert len({json.dumps(entry["device"]["identifiers"]) for entry in found.values()}) == 1
    states = {topic for _, topic, _ in subscriber.messages}
    assert subscriber.last("sta/status") == "online" and all(entry["state_topic"] in states for entry in found.values() if "state_topic" in entry)


def test_labels_that_the_model_does_not_have(make_monitor):
    """Unknown names would never be noticed. So log and page report them, with what was probably meant."""
    watch = [{"model": "camera-watch", "classes": ["coverd"]}]
    monitor = make_monitor({"cameras": {"gate": {"uri": "test://smpte", "watch": watch, "record": True}}}).start()
    wait_for("the sentence", lambda: monitor.camera("gate")["watch"][0]["problem"])
    sentence = 'classes: the model camera-watch has no label "coverd"; did you mean "covered"?'
    assert monitor.camera("gate")["watch"][0]["problem"] == sentence and monitor.log.count(sentence) == 1


def test_a_model_that_cannot_be_used(make_monitor, tmp_path):
    """The camera says why, and others go on."""
    (tmp_path / "empty").mkdir()
    cameras = {"bad": {"uri": "test://smpte", "watch": [{"model": str(tmp_path / "empty")}]}, "good": {"uri": "test://smpte", "watch": WATCH}}
    monitor = make_monitor({"cameras": cameras}).start()
    monitor.wait_state("good", "playing")
    monitor.wait_state("bad", "failed")
    assert str(tmp_path / "empty") in monitor.camera("bad")["reason"], monitor.camera("bad")


def test_defaults_hold_for_cameras_over_rest(make_monitor):
    monitor = make_monitor({"defaults": {"watch": ["motion-watch"]}}).start()
    assert monitor.ask("/api/v1/cameras/one", "PUT", {"uri": "test://ball"}).status == 201
    assert monitor.camera("one")["watch"][0]["model"] == "motion-watch"


def test_another_prefix_and_a_broker_that_comes_later(make_monitor, broker, subscriber):
    """A broker that the file names only later learns of running cameras and open events. Topics of an old prefix are
    withdrawn."""
    cameras = {"ball": {"uri": "test://ball", "watch": WATCH}}
    monitor = make_monitor({"cameras": cameras}).start()
    wait_for("an event", monitor.events)
    monitor.write({"cameras": cameras, "mqtt": {"url": broker.url, "home-assistant": True, "prefix": "house"}})
    wait_for("the open event", lambda: subscriber.last("house/ball/camera-watch/active/covered") == "ON")
    config = "homeassistant/binary_sensor/house_ball_connection/config"
    wait_for("the connection", lambda: subscriber.last(config))
    monitor.write({"cameras": cameras, "mqtt": {"url": broker.url, "prefix": "home"}})
    wait_for("the new prefix", lambda: subscriber.last("home/ball/status") == "online")
    wait_for("the old ones are gone", lambda: subscriber.last("house/ball/status") == "" and subscriber.last(config) == "")
