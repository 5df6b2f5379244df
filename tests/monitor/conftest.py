# SPDX-License-Identifier: MIT
"""Fixtures for tests of sta-monitor with real parts: cameras, broker, browser. meson passes paths in the
environment."""
import functools
import http.server
import os
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness.broker import Broker, Subscriber  # noqa: E402
from harness.camera import Camera  # noqa: E402
from harness.monitor import Monitor  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    """A real room, as a camera sees it."""
    path = str(tmp_path_factory.mktemp("scene") / "room.png")
    video = os.path.join(ROOT, "media", "S2_Fall_12.mp4")
    command = ["gst-launch-1.0", "-q", "filesrc", "location=" + video, "!", "decodebin", "!", "videoconvert", "!", "pngenc", "snapshot=true", "!"]
    subprocess.run([*command, "filesink", "location=" + path], check=True, timeout=60)
    return path


@pytest.fixture
def make_camera(picture):
    made = []

    def make(**options):
        made.append(Camera(picture, **options))
        return made[-1]

    yield make
    for camera in made:
        camera.thaw()
        camera.kill()


@pytest.fixture
def broker(tmp_path):
    made = Broker(str(tmp_path))
    yield made
    made.stop()


@pytest.fixture
def subscriber(broker):
    made = Subscriber(broker)
    yield made
    made.stop()


@pytest.fixture
def make_monitor(tmp_path):
    made = []

    def make(config, **options):
        folder = tmp_path / f"monitor-{len(made)}"
        folder.mkdir()
        made.append(Monitor(os.environ["STA_MONITOR"], folder, config, **options))
        return made[-1]

    yield make
    for monitor in made:
        if monitor.process and monitor.process.poll() is None:
            monitor.kill()
        # Shown by pytest if the test failed.
        print(f"--- {monitor.file}\n{monitor.log}")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture
def web_server():
    """Serves a folder: web_server(folder) is its address."""
    made = []

    def serve(folder):
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
        handler.log_message = lambda *_: None
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in made:
        server.shutdown()
