# SPDX-License-Identifier: MIT
"""Tests who may ask (the token, its cookie) and answers that do not come in one piece (the stream of events, clips by
parts)."""
import json
import os
import time

from harness.broker import wait_for
from harness.monitor import Answer
from harness.schema import PREFIX, Interface
from test_interface import BALL, DOWN, TOKEN, begin, end, endless

OPEN = ("/", "/page/page.js", "/healthz", "/readyz")


def document(root):
    return Interface(os.path.join(root, "apps", "monitor", "http", "openapi.json"))


def test_the_token_is_asked_for_everywhere(make_monitor, root):
    interface = document(root)
    monitor = make_monitor({"cameras": {"gate": BALL}}, token=TOKEN).start()
    login = monitor.ask(PREFIX + "/login", "POST", {"token": TOKEN}, token="")
    cookie = login.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith("sta_session=") and TOKEN not in login.headers["Set-Cookie"]
    protected = [PREFIX + path.format(name="gate", id="0" * 16) for method, path in interface.operations() if method == "get"]
    for path in [*protected, "/metrics", PREFIX, PREFIX + "/nothing"]:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}, {"Authorization": TOKEN}, {"Cookie": "sta_session="},
                        {"Cookie": f"sta_session={TOKEN}"}, {"Authorization": f"Basic {TOKEN}"}, {"Cookie": cookie[:-1]}):
            answer = monitor.ask(path, token="", headers=headers)
            assert answer.status == 401 and interface.is_error(answer), (path, headers)
            assert answer.headers["WWW-Authenticate"] == "Bearer", f"RFC 9110: an answer 401 names a way in ({path})"
        if not endless(path.removeprefix(PREFIX)):
            assert monitor.ask(path, token="", headers={"Cookie": f"a=b; {cookie}"}).status != 401, path
    assert monitor.ask(PREFIX + "/cameras/gate", "DELETE", token="").status == 401 and monitor.camera("gate")
    for path in OPEN:
        assert monitor.ask(path, token="").status == 200, path
    assert monitor.ask("/page/../../etc/passwd", token="").status == 404 and monitor.ask("/page/none", token="").status == 404


def test_without_a_token_only_this_machine_is_answered(make_monitor, root):
    interface = document(root)
    monitor = make_monitor({}).start()
    for host, status in (("localhost", 200), ("127.0.0.1:80", 200), ("[::1]", 200), ("cam.example", 401), ("127.evil.example", 401), ("", 401)):
        for path in ("/status", "/openapi.json", "/events"):
            answer = monitor.ask(PREFIX + path, headers={"Host": host or "0.0.0.0"})
            assert answer.status == status, (host, path)
            interface.check("GET", PREFIX + path, answer)
    assert monitor.ask(PREFIX + "/login", "POST", {"token": "any"}).headers["Set-Cookie"] is None


def test_a_405_names_what_is_allowed(make_monitor, root):
    interface = document(root)
    monitor = make_monitor({"cameras": {"gate": BALL}}).start()
    for path in interface.paths:
        for method in {"GET", "PUT", "DELETE", "PATCH"} - interface.allowed(path):
            answer = monitor.ask(PREFIX + path.format(name="gate", id="0" * 16), method)
            named = {name.strip() for name in (answer.headers["Allow"] or "").split(",")}
            assert answer.status == 405 and named >= interface.allowed(path), f"{method} {path}: RFC 9110: 405 has Allow; {answer.headers['Allow']}"


class Listener:
    """A client of the stream: reads one message after the other."""

    def __init__(self, monitor, last=None):
        self.response = begin(monitor, "/stream", {} if last is None else {"Last-Event-ID": str(last)})
        assert self.response.status == 200 and self.response.headers.get_content_type() == "text/event-stream"

    def next(self):
        """{id, event, data} of the next message; comments are left out."""
        message = {}
        while True:
            line = self.response.readline().decode()
            assert line, "the stream ended"
            line = line.rstrip("\n")
            if not line and message:
                return message
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                message[name] = value

    def next_event(self, interface):
        while True:
            message = self.next()
            if message.get("event") == "camera":
                assert "id" not in message and interface.faults_of("Camera", json.loads(message["data"])) == [], message
            elif message.get("event") == "event":
                assert interface.faults_of("Event", json.loads(message["data"])) == [], message
                return int(message["id"]), json.loads(message["data"])
            else:
                assert message == {"retry": "2000"}

    def close(self):
        end(self.response)


def test_the_stream_tells_and_tells_again(make_monitor, root):
    interface = document(root)
    monitor = make_monitor({"cameras": {"gate": {**BALL, "record": True}}}, token=TOKEN).start()
    listener, told = Listener(monitor), []
    while len(told) < 2:  # the event started; its picture is there
        told.append(listener.next_event(interface))
    assert told[0][1]["state"] == "start" and told[0][1]["snapshot"] is None and told[1][1]["snapshot"], told
    assert monitor.ask(PREFIX + "/cameras/gate", "DELETE").status == 204
    while told[-1][1]["state"] != "end" or told[-1][1]["clip_state"] == "writing":
        told.append(listener.next_event(interface))
    listener.close()
    numbers = [number for number, _ in told]
    assert numbers == sorted(set(numbers)) and {event["id"] for _, event in told} == {told[0][1]["id"]}
    assert told[-1][1]["clip_state"] == "done" and told[-1][1]["interrupted"]
    for last in (0, numbers[0], numbers[-2]):
        again = Listener(monitor, last)
        missed = [entry for entry in told if entry[0] > last]
        assert [again.next_event(interface) for _ in missed] == missed
        again.close()
    for odd in ("x", "-1", "99999999999999999999", "1 OR 1=1"):
        Listener(monitor, odd).close()


def test_clips_by_parts(make_monitor, root):
    interface = document(root)
    monitor = make_monitor({"cameras": {"gate": {**BALL, "record": True}}}).start()
    event = wait_for("an event with its picture", lambda: next((event for event in monitor.events() if event["snapshot"]), None))
    assert monitor.ask(PREFIX + "/cameras/gate", "DELETE").status == 204
    wait_for("the clip is complete", lambda: monitor.events()[0]["clip_state"] == "done")

    def ask(path, part):
        return interface.check("GET", path, monitor.ask(path, headers={"Range": part}))

    for path in (event["clip"], event["snapshot"]):
        whole = monitor.ask(path).body
        size = len(whole)
        assert int(monitor.ask(path, "HEAD").headers["Content-Length"]) == size > 1000
        for part, first, past in (
            ("bytes=0-0", 0, 1), ("bytes=5-99", 5, 100), ("bytes=100-", 100, size), ("bytes=-7", size - 7, size), (f"bytes=0-{size + 100}", 0, size),
            (f"bytes={size - 1}-", size - 1, size), (f"bytes=-{size * 2}", 0, size)):
            answer = ask(path, part)
            assert (answer.status, answer.body) == (206, whole[first:past]), (part, len(answer.body))
            assert answer.headers["Content-Range"] == f"bytes {first}-{past - 1}/{size}", part
        for part in (f"bytes={size}-", "bytes=99999999999-"):
            assert ask(path, part).status == 416, part
        # A range that makes no sense, or would make the answer longer than the file, is answered with the whole file.
        for part in ("", "x", "bytes=", "bytes=a-b", "bytes=9-5", "bits=0-9", "bytes=0-,0-,0-,0-,0-,0-,0-,0-", "bytes=0-0,10-10"):
            answer = ask(path, part)
            assert (answer.status, answer.body) == (200, whole), (part, answer.status, len(answer.body))
        huge = 2**64 - 1
        for part in (f"bytes={huge}-", f"bytes={2**63 - 1}-", f"bytes=-{huge}", "bytes=-0", f"bytes=0-{huge}", f"bytes=5-{2**63 - 2}"):
            answer = ask(path, part)
            right = answer.status in (200, 416) or answer.body in (whole, whole[5:])
            assert right, (part, answer.status, answer.headers["Content-Range"], len(answer.body))
    # Only files can be asked for in parts.
    assert ask(PREFIX + "/status", "bytes=0-3").status == 200
    assert monitor.criticals() == [], monitor.log


def test_clients_that_left_make_room(make_monitor, root):
    """At most 200 clients look and listen. Clients that left are no longer counted, even for a camera that is down."""
    interface = document(root)
    monitor = make_monitor({"cameras": {"gate": BALL, "down": DOWN}}).start()

    def look(path):
        response = begin(monitor, path)
        answer = Answer(response.status, response.headers, b"" if response.status == 200 else response.read())
        return response, interface.check("GET", PREFIX + path, answer).status

    assert monitor.ask(PREFIX + "/cameras/gone", "PUT", BALL).status == 201
    clients = [look(path)[0] for path in ["/cameras/down/live"] * 70 + ["/cameras/gone/live"] * 60 + ["/stream"] * 70]
    assert look("/stream")[1] == 429 and look("/cameras/gate/live")[1] == 429
    assert monitor.ask(PREFIX + "/cameras/gone", "DELETE").status == 204
    for client in clients:
        end(client)

    def room():
        time.sleep(1)
        answers = [look("/stream")]
        while answers[-1][1] == 200 and len(answers) < 150:
            answers.append(look("/stream"))
        for client, _ in answers:
            end(client)
        return len(answers) == 150

    wait_for("room for 150", room, 60)
