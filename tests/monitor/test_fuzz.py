# SPDX-License-Identifier: MIT
"""Sends ten thousand hostile requests, and a few more. The monitor must keep running and reveal nothing."""
import collections
import hashlib
import json
import os
import re
import socket
import time

from harness.broker import wait_for
from harness.hostile import BROKEN, Hostile, Wire
from harness.schema import PREFIX, Interface

WATCH = [{"model": "camera-watch"}]
BALL = {"uri": "test://ball", "watch": WATCH}
TOKEN = "token-that-the-file-names"
SECRETS = [b"root:x:0", TOKEN.encode(), b"secret-of-a-file", b"secret-of-the-environment"]
KEPT = re.compile(r"events\.db(-wal|-shm|-journal)?|clips/[0-9a-f]{16}\.mp4|snapshots/[0-9a-f]{16}\.jpg")
REQUESTS = 10000
STATUSES = {200, 201, 204, 206, 400, 401, 403, 404, 405, 409, 411, 413, 416, 417, 429}


def files(folder):
    """{path: hash of its content}, also of folders."""
    found = {}
    for path, folders, names in os.walk(folder):
        found.update({os.path.join(path, name): "" for name in folders})
        for name in names:
            try:
                with open(os.path.join(path, name), "rb") as file:
                    found[os.path.join(path, name)] = hashlib.sha256(file.read()).hexdigest()
            except FileNotFoundError:
                pass
    return found


def check_files(monitor, before):
    """Checks that nothing changed outside the storage folder, and that the folder has only files that belong there."""
    after = files(os.path.dirname(monitor.folder))
    inside = monitor.storage + os.sep
    assert {path: sum_ for path, sum_ in after.items() if not path.startswith(inside)} == before
    kept = [path.removeprefix(inside) for path in after if path.startswith(inside)]
    assert [name for name in kept if name not in ("clips", "snapshots") and not KEPT.fullmatch(name)] == []


def start(make_monitor, cameras):
    monitor = make_monitor({"cameras": cameras}, token=TOKEN, environment={"FUZZ_SECRET": "secret-of-the-environment"})
    with open(os.path.join(monitor.folder, "secret.txt"), "w", encoding="utf-8") as file:
        file.write("secret-of-a-file")
    return monitor.start()


def faults_of(answer):
    """Texts that must not be in any answer."""
    if answer is None:
        return
    text = str(answer.headers).encode() + answer.body
    for secret in SECRETS:
        if secret in text:
            yield f"{secret} came back"
    if "X-Evil" in answer.headers:
        yield "a header was smuggled in"
    if len(answer.body) > 4_000_000:
        yield f"an answer of {len(answer.body)} bytes"
    if answer.headers.get_content_type() == "application/json" and answer.body and answer.status != 206:
        try:
            json.loads(answer.body)
        except ValueError:
            yield "no JSON"


def test_ten_thousand_requests(make_monitor, root):
    monitor = start(make_monitor, {"gate": {**BALL, "record": True}, "calm": BALL})
    interface = Interface(os.path.join(root, "apps", "monitor", "http", "openapi.json"))
    event = wait_for("an event", lambda: next((event for event in monitor.events() if event["camera"] == "gate"), None))
    monitor.wait_state("calm", "playing")
    names = ["gate", "fuzz-1", "fuzz-2", "fuzz-3"]
    hostile = Hostile(20261127, interface.operations(), names, [event["id"], "0" * 16], TOKEN)
    before, calm, memory = files(os.path.dirname(monitor.folder)), monitor.camera("calm"), monitor.memory()
    before = {path: sum_ for path, sum_ in before.items() if not path.startswith(monitor.storage + os.sep)}
    wire, faults, statuses, good = Wire(monitor.port), [], collections.Counter(), set()
    begun = time.monotonic()
    for number in range(REQUESTS):
        if number % 25 == 24:
            method, address, data, broken = "GET", "", hostile.random.choice(BROKEN), True
            wire.close()
        else:
            (method, address, data), broken = hostile.request(), False
        wire.slowest = 0
        try:
            answer = wire.send(data, method, finish=broken)
        except TimeoutError:
            wire.close()
            answer, found = None, ["no answer came"]
        else:
            found = list(faults_of(answer))
        if answer is not None:
            statuses[answer.status] += 1
            if answer.status >= 500 and not (broken and answer.status in (501, 505)):
                found.append(f"status {answer.status}")
            elif not broken and answer.status not in STATUSES:
                found.append(f"unknown status {answer.status}")
            if answer.status < 300:
                good.add((method.lower(), interface.path_of(address)))
        if wire.slowest > 5:
            found.append(f"took {wire.slowest:.1f} s")
        faults += [f"request {number}: {what}: {data[:300]}" for what in found]
        assert monitor.process.poll() is None and len(faults) < 10, (f"request {number} ended it: {data[:1000]}", faults, monitor.log[-3000:])
    wire.close()
    print(f"{REQUESTS / (time.monotonic() - begun):.0f} requests a second: {sorted(statuses.items())}")
    assert faults == [], "\n".join(faults)
    # Not everything was refused: each operation did its work, and each kind of answer came.
    assert interface.operations() - good <= {("post", "/login")}, interface.operations() - good
    assert STATUSES - set(statuses) <= {201, 409, 417, 429}, statuses

    assert monitor.ask("/healthz").body == b"ok\n" and monitor.ask("/readyz").status == 200
    for name in [camera["name"] for camera in monitor.get("/cameras")["cameras"]]:
        if name != "calm":
            monitor.ask(f"{PREFIX}/cameras/{name}", "DELETE")
    after = monitor.camera("calm")
    assert after["since"] == calm["since"] and after["frames"] > calm["frames"] and monitor.log.count("camera calm: playing") == 1
    wait_for(lambda: f"memory is given back: {memory >> 20} MB, now {monitor.memory() >> 20} MB", lambda: monitor.memory() - memory < 100e6, 10)
    check_files(monitor, before)
    assert not any(secret.decode() in monitor.log for secret in SECRETS)
    assert monitor.criticals() == [], monitor.criticals()[:10]
    assert monitor.stop() < 2
    monitor.lines.clear()
    assert monitor.start().camera("calm")


def test_bodies_that_grow(make_monitor):
    """Sixty kilobytes that are cheap to send must be cheap to read and to refuse."""
    monitor = start(make_monitor, {"calm": BALL})
    keys = ",".join(f"k{i:x}: 1" for i in range(6000))
    aliases = "{uri: 'test://ball', watch: [&w {" + ",".join(f"k{i:x}: 1" for i in range(200)) + "}" + ",*w" * 200 + "]}"
    bodies = {
        "unknown keys": "{" + keys + "}", "aliases": aliases, "deep": "[" * 60000, "deep maps": "{a: " * 15000,
        "the same model": json.dumps({"uri": "test://ball", "watch": ["camera-watch"] * 500}),
        "models that are none": json.dumps({"uri": "test://ball", "watch": ["x"] * 400}),
        "many models": json.dumps({"uri": "test://ball", "watch": [{"model": "camera-watch", "name": f"n{i}"} for i in range(600)]}),
        "words": json.dumps({"uri": "test://ball", "watch": [{"model": "camera-watch", "classes": ["${X}"] * 6000}]}),
        "a long value": json.dumps({"uri": "test://ball", "watch": ["x" * 60000]}), "a long key": json.dumps({"y" * 60000: 1})}
    for name, body in bodies.items():
        begun, memory = time.monotonic(), monitor.memory()
        answer = monitor.ask(PREFIX + "/cameras/big", "PUT", body.encode(), timeout=60)
        told = f"{name}: {answer.status}, {len(answer.body)} bytes, {time.monotonic() - begun:.2f} s, {(monitor.memory() - memory) >> 20} MB more"
        assert answer.status == 400 and answer.json["error"], told
        assert len(answer.body) < 200_000 and time.monotonic() - begun < 2 and monitor.memory() - memory < 100e6, told
    for body in (b'{"token":' + b"[" * 60000, b'{"a":' * 10000 + b"1" + b"}" * 10000):
        assert monitor.ask(PREFIX + "/login", "POST", body).status == 400


def test_long_bodies_are_not_kept(make_monitor):
    """Clients without a token can send as much as they like. None of it may be kept."""
    monitor = start(make_monitor, {})
    memory, block = monitor.memory(), bytes(1 << 20)
    for head, chunk in ((f"Content-Length: {100 << 20}", block), ("Transfer-Encoding: chunked", b"100000\r\n" + block + b"\r\n")):
        with socket.create_connection(("127.0.0.1", monitor.port), timeout=10) as client:
            client.sendall(f"PUT {PREFIX}/cameras/x HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
            try:
                for _ in range(100):
                    client.sendall(chunk)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused, and closed: even better
            assert monitor.memory() - memory < 20e6, f"{head}: {(monitor.memory() - memory) >> 20} MB are kept"
        assert monitor.ask("/healthz").status == 200


def test_clients_that_do_not_wait(make_monitor):
    """Connections that close before, while and after an answer is made must leave nothing behind."""
    monitor = start(make_monitor, {"gate": BALL})
    monitor.wait_state("gate", "playing")

    def opened():
        return len(os.listdir(f"/proc/{monitor.process.pid}/fd"))

    before, memory = opened(), monitor.memory()
    for _ in range(100):
        client = Wire(monitor.port)
        assert client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
        client.close()
    few = before + 10
    wait_for(lambda: f"100 answers leave files open: {before}, now {opened()}", lambda: opened() < few, 5)
    for number in range(600):
        path = ["/cameras/gate/snapshot", "/cameras/gate/live", "/stream", "/events", "/cameras/gate/snapshot"][number % 5]
        client = socket.create_connection(("127.0.0.1", monitor.port), timeout=10)
        client.sendall(f"GET {PREFIX}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        if number % 3:
            client.recv(100 if number % 3 == 1 else 1 << 20)
        client.close()
    assert monitor.ask("/healthz").status == 200
    wait_for(lambda: f"files are closed: {before}, now {opened()}", lambda: opened() < few, 30)
    assert monitor.memory() - memory < 60e6 and monitor.criticals() == [], monitor.log[-2000:]
    assert monitor.ask(f"{PREFIX}/cameras/gate/snapshot").body.startswith(b"\xff\xd8")
    # A camera is removed while its picture is made, and while somebody looks.
    for _ in range(20):
        waiting = [socket.create_connection(("127.0.0.1", monitor.port), timeout=10) for _ in range(4)]
        for client, path in zip(waiting, ("snapshot", "live", "snapshot", "live")):
            client.sendall(f"GET {PREFIX}/cameras/gate/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert monitor.ask(f"{PREFIX}/cameras/gate", "DELETE").status == 204
        for client in waiting:
            client.recv(100)
            client.close()
        assert monitor.ask(f"{PREFIX}/cameras/gate/override", "DELETE").status == 204
    monitor.wait_state("gate", "playing")
    assert monitor.criticals() == [], monitor.log[-2000:]
