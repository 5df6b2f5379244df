# SPDX-License-Identifier: MIT
"""A real mosquitto that can be stopped and restarted, and a subscriber that records what came and when."""
import json
import os
import socket
import subprocess
import threading
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PATIENCE = 3  # how many times slower a busy machine may be; a larger value only makes failures take longer


def wait_for(what, condition, seconds=20):
    """Waits until `condition()` gives something true, and returns it."""
    end = time.monotonic() + PATIENCE * seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(0.05)


class Broker:
    """If `user` and `password` are given, the broker asks for them."""

    def __init__(self, folder, user="", password=""):
        self.port, self.folder, self.user, self.password = free_port(), folder, user, password
        self.process = None
        with open(os.path.join(folder, "mosquitto.conf"), "w", encoding="utf-8") as file:
            file.write(f"listener {self.port} 127.0.0.1\nallow_anonymous {'false' if user else 'true'}\n")
            # Sessions outlive the process, as in a real installation, so subscribers miss nothing of QoS 1.
            file.write(f"persistence true\npersistence_location {folder}/\n")
            if os.geteuid() == 0:
                file.write("user root\n")
            if user:
                file.write(f"password_file {folder}/passwords\n")
        if user:
            command = ["mosquitto_passwd", "-b", "-c", os.path.join(folder, "passwords"), user, password]
            subprocess.run(command, check=True, capture_output=True)
        self.start()

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self):
        command = ["mosquitto", "-c", os.path.join(self.folder, "mosquitto.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for("mosquitto listens", answers)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Subscriber:
    """Records everything below a topic: [(time of arrival, topic, payload)]. It reconnects by itself when the broker
    returns."""

    def __init__(self, broker, topic="#"):
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", topic, "-q", "1", "-i", f"test-{free_port()}", "-c", "-F", "%t %x"]  # hexadecimal, for pictures
        if broker.user:
            command += ["-u", broker.user, "-P", broker.password]
        self.messages = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            data = bytes.fromhex(payload)
            self.messages.append((time.time(), topic, data if topic.endswith("/snapshot") else data.decode()))

    def of(self, topic):
        return [payload for _, name, payload in list(self.messages) if name == topic]

    def last(self, topic):
        return (self.of(topic) or [None])[-1]

    def events(self, camera=None, **fields):
        """[(time of arrival, event)], only those that have these fields."""
        found = []
        for arrived, topic, payload in list(self.messages):
            if topic.endswith("/event") and (camera is None or topic.split("/")[1] == camera):
                event = json.loads(payload)
                if all(event[name] == value for name, value in fields.items()):
                    found.append((arrived, event))
        return found

    def stop(self):
        self.process.kill()
        self.process.wait()
