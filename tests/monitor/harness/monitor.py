# SPDX-License-Identifier: MIT
"""sta-monitor as a process, and a client of its interface."""
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from .broker import free_port, wait_for


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Monitor:
    """`config`: the file as a mapping (JSON is YAML); http and storage are filled in. `environment` adds variables."""

    def __init__(self, program, folder, config, environment=None, token=""):
        self.program, self.folder, self.token = program, str(folder), token
        self.port = free_port()
        self.file = os.path.join(self.folder, "cameras.yaml")
        self.storage = os.path.join(self.folder, "storage")
        self.environment = {**os.environ, "OMP_WAIT_POLICY": "passive", **(environment or {})}
        self.lines, self.process = [], None
        self.write(config)

    def write(self, config):
        config = dict(config)
        config.setdefault("http", {"listen": f"127.0.0.1:{self.port}", **({"token": self.token} if self.token else {})})
        config.setdefault("storage", {"folder": self.storage, "keep-free": "1MB"})
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            json.dump(config, file)
        os.rename(self.file + ".new", self.file)

    def start(self):
        self.process = subprocess.Popen([self.program, self.file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=self.environment)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        wait_for(lambda: "the monitor listens; it says:\n" + self.log, lambda: "the page is at" in self.log or self.process.poll() is not None)
        assert self.process.poll() is None, self.log
        return self

    def _read(self, stream):
        for line in stream:
            self.lines.append(line)

    @property
    def log(self):
        return "".join(self.lines)

    def criticals(self):
        """The messages that GLib calls faults of the program. libsoup 3.6 also prints one for each negative
        Content-Length in a request; those do not count."""
        return [line for line in self.lines if "CRITICAL" in line and "property 'content-length'" not in line]

    def stop(self):
        """Ends it like a service manager. Returns how many seconds that took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        assert status == 0, (status, self.log)
        return time.monotonic() - begun

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, path, method="GET", body=None, token=None, headers=None, timeout=10):
        headers = dict(headers or {})
        token = self.token if token is None else token
        if token:
            headers["Authorization"] = "Bearer " + token
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, **options):
        return self.ask("/api/v1" + path, **options).json

    def camera(self, name):
        return self.get(f"/cameras/{name}")

    def wait_state(self, name, state, seconds=30):
        wait_for(lambda: f"{name} is {state}; {self.camera(name)}", lambda: self.camera(name)["state"] == state, seconds)

    def events(self, query=""):
        return self.get("/events?limit=500" + query)["events"]

    def memory(self):
        """Resident memory, bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
