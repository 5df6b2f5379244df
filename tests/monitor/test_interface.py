# SPDX-License-Identifier: MIT
"""Tests that the REST interface is what openapi.json says: every path and method, with good and bad input."""
import http.client
import os
import re

import pytest
from harness.broker import wait_for
from harness.monitor import Answer
from harness.schema import PREFIX, Interface

WATCH = [{"model": "camera-watch"}]
BALL = {"uri": "test://ball", "watch": WATCH}  # camera-watch takes its black picture for a covered lens
DOWN = {"uri": "rtsp://127.0.0.1:1/none", "watch": WATCH}
TOKEN = "a-token-of-the-tests"
EVIL = {"Origin": "http://evil.example"}


@pytest.fixture
def interface(root):
    return Interface(os.path.join(root, "apps", "monitor", "http", "openapi.json"))


def begin(monitor, path, headers=None):
    """The head of an answer that does not end: a response, which end() closes."""
    connection = http.client.HTTPConnection("127.0.0.1", monitor.port, timeout=10)
    connection.request("GET", PREFIX + path, headers={"Authorization": "Bearer " + monitor.token, **(headers or {})})
    response = connection.getresponse()
    response.connection = connection
    return response


def end(response):
    response.close()
    response.connection.close()


def endless(path):
    return path.endswith("/live") or path == "/stream"


def asker(monitor, interface):
    def ask(path, method="GET", **options):
        if endless(path) and method == "GET" and not options:
            response = begin(monitor, path)
            answer = Answer(response.status, response.headers, b"" if response.status == 200 else response.read())
            end(response)
        else:
            answer = monitor.ask(PREFIX + path, method, **options)
        return interface.check(method, PREFIX + path, answer)

    return ask


def test_every_operation_answers_as_documented(make_monitor, broker, interface):
    cameras = {"gate": {**BALL, "record": True}, "hall": BALL, "down": DOWN}
    monitor = make_monitor({"mqtt": {"url": broker.url}, "cameras": cameras}, token=TOKEN).start()
    ask = asker(monitor, interface)
    wait_for("events with pictures", lambda: len([event for event in monitor.events() if event["snapshot"]]) == 2)
    event = next(event for event in monitor.events() if event["camera"] == "gate")
    wait_for("a clip is being written", lambda: ask(f"/events/{event['id']}/clip", "HEAD").headers["Content-Length"] != "0")
    address = {path: path.format(name="gate", id=event["id"]) for path in interface.paths}
    assert event["snapshot"] == PREFIX + address["/events/{id}/snapshot"] and event["clip"] == PREFIX + address["/events/{id}/clip"]

    # Errors of every request: no token, a wrong one, a body that is too long or has no length, another site's page.
    for method, path in interface.operations():
        if path != "/login":
            assert ask(address[path], method.upper(), token="wrong", headers={"Cookie": "sta_session=wrong"}).status == 401
        assert ask(address[path], method.upper(), body=b"{}", headers={"Transfer-Encoding": "chunked"}).status == 411
        assert ask(address[path], method.upper(), body=b" " * 70000).status == 413
        if method in ("put", "post", "delete"):
            assert ask(address[path], method.upper(), body=BALL, headers=EVIL).status == 403
    for path, found in address.items():
        for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD"} - interface.allowed(path):
            ask(found, method)
    for path in ("", "//nothing", "/camera", "/cameras/gate/nothing", "/events/x/y/z", "/stream/x", "/status/x", "/openapi.json/x", "/login/x"):
        ask(path)

    for path in ("/cameras", "/cameras/gate", "/cameras/down", "/status", "/openapi.json", "/events", address["/events/{id}"]):
        assert ask(path).status == 200 and ask(path, "HEAD").status == 200
    assert ask("/status").json["mqtt"] == "connected" and ask("/cameras/gate").json["recording"]
    assert [camera["name"] for camera in ask("/cameras").json["cameras"]] == ["down", "gate", "hall"]
    for path in ("/cameras/gate/snapshot", "/cameras/gate/live", "/cameras/down/live", "/stream"):
        assert ask(path).status == 200
    assert ask("/cameras/down/snapshot").status == 409
    for path in ("/cameras/none", "/cameras/none/snapshot", "/cameras/none/live", "/cameras/a%20b"):
        assert ask(path).status == 404
    for path in ("/events/none", "/events/none/clip", "/events/none/snapshot"):
        assert ask(path).status == 404
    assert ask("/events/0000000000000000/clip", "HEAD").status == 404
    assert ask("/events?limit=0").status == 400
    for name in ("/events/{id}/snapshot", "/events/{id}/clip"):
        for part, status in ((None, 200), ("bytes=0-9", 206), ("bytes=10-", 206), ("bytes=-10", 206), ("bytes=99999999999-", 416), ("bytes=x", 200)):
            answer = ask(address[name], headers={"Range": part} if part else None)
            assert answer.status == status and (part != "bytes=0-9" or len(answer.body) == 10), part

    for body, status in (({"token": TOKEN}, 204), ({"token": "wrong"}, 401), ({"token": 5}, 400), ([], 400), (b"", 400), (b"\xff{", 400)):
        assert ask("/login", "POST", body=body, token="").status == status
    for name, status in (("new", 201), ("new", 200), ("hall", 200), ("a%20b", 400), ("x" * 65, 400)):
        assert ask(f"/cameras/{name}", "PUT", body={"uri": "test://smpte", "watch": WATCH}).status == status
    wrong = [{}, {"uri": "test://ball", "watch": []}, {"uri": "x://y", "watch": WATCH}, {"urii": "test://ball", "watch": WATCH}]
    for body in (b"", b"[]", b"{", b"\xff\xfe", *wrong):
        assert ask("/cameras/new", "PUT", body=body).status == 400, body
    assert ask("/cameras/hall/override", "DELETE").status == 204 and ask("/cameras/hall/override", "DELETE").status == 404
    assert ask("/cameras/hall").json["uri"] == "test://ball"
    assert ask("/cameras/hall", "DELETE").status == 204 and ask("/cameras/hall").status == 404
    assert ask("/cameras/hall/override", "DELETE").status == 204 and ask("/cameras/hall").status == 200
    assert ask("/cameras/new/override", "DELETE").status == 204 and ask("/cameras/new").status == 404
    assert ask("/cameras/none", "DELETE").status == 404

    # Every status of the document was seen. (The status for too many viewers has its own test, and so have fleets.)
    documented = {(method, path, int(status)) for method, path in interface.operations() for status in interface.paths[path][method]["responses"]}
    assert {(method, path, status) for method, path, status in documented - interface.seen if status not in (202, 429)} == set()
    assert ask("/openapi.json").json == interface.document


def test_events_by_filters_and_pages(make_monitor, interface):
    names = ["a", "b", "c"]
    monitor = make_monitor({"cameras": {name: BALL for name in names}}).start()
    ask = asker(monitor, interface)
    wait_for("three events", lambda: len(monitor.events()) == 3)
    events = ask("/events").json["events"]
    assert [event["onset"] for event in events] == sorted((event["onset"] for event in events), reverse=True)
    assert {event["camera"] for event in events} == set(names) and ask("/events").json["next"] is None
    found, cursor = [], ""
    while cursor is not None:
        page = ask(f"/events?limit=1&cursor={cursor}").json
        assert len(page["events"]) == 1
        found += page["events"]
        cursor = page["next"]
    assert [event["id"] for event in found] == [event["id"] for event in events]

    def ids(query):
        return [event["id"] for event in ask("/events?" + query).json["events"]]

    def where(key, value):
        return [event["id"] for event in events if event[key] == value]

    every, newest, oldest = [event["id"] for event in events], events[0]["onset"], events[-1]["onset"]
    for query, expected in (
        ("camera=a", where("camera", "a")), ("camera=none", []), ("camera=' OR '1'='1", []), ("model=camera-watch&label=covered&limit=500", every),
        ("label=covered", every), ("model=x", []), (f"from={newest}", where("onset", newest)), (f"to={oldest}", where("onset", oldest)),
        ("from=2001-01-01T00:00:00%2B02:00", every), ("to=2001-01-01T00:00:00Z", []), ("what=else", every)):
        assert ids(query.replace(" ", "%20")) == expected, query
    for query in ("limit=0", "limit=501", "limit=x", "limit=1x", "limit=99999999999999999999", "from=x", "to=2026-13-01T00:00:00Z", "cursor=x"):
        assert ask("/events?" + query).status == 400, query
    for event in events:
        assert ask(f"/events/{event['id']}").json["id"] == event["id"]


# Values that a key accepts, and values that it refuses. The server and the schema have to agree.
GOOD = {
    "user": ["me"], "password": ["${HOME}"], "transport": ["tcp", "udp"], "record": [True, False, {}], "loop": [False], "importance": [0, 100],
    "watch": [["camera-watch"], [{"model": "camera-watch", "name": "a-name_1"}]],
    "record.before": ["0.5s", 0, "2min"], "record.after": ["100ms"], "record.at-most": ["1s", "1h"], "record.on": [[], ["covered"], "covered"],
    "watch.device": ["cpu"], "watch.drop-number": [0, 8, "auto"], "watch.still-threshold": [0, 0.1, 10],
    "watch.enter-threshold": [0, 0.5, 1], "watch.exit-threshold": [0.25],
    "watch.min-duration": ["1 s"], "watch.release-duration": ["0s"], "watch.hop": ["1s"], "watch.smoothing": [1, 1000],
    "watch.classes": [["covered"], "covered"], "watch.background": ["steady"], "watch.name": ["x" * 64]}
BAD = {
    "importance": [101, -1, 1.5, "most"], "uri": [[], {}], "user": [["me"]], "transport": ["sctp", []], "record": ["x", 5], "loop": [5, "maybe"], "watch": [[], "camera-watch", [[]], [{}]],
    "record.before": [5, "5", "s", "-1s", "1 fortnight"], "record.on": [[[]]], "record.what": [1], "what": [1],
    "watch.drop-number": [-1, 0.5, "some", 2000000], "watch.still-threshold": [-1, 10.5, "some"],
    "watch.enter-threshold": [-0.1, 1.1, "much"], "watch.min-duration": [1, "1x"],
    "watch.smoothing": [0, 1001, 1.5], "watch.classes": [{"a": 1}], "watch.name": ["a b", "x" * 65, ""], "watch.model": [[]], "watch.what": [1]}
# Rules that a schema cannot express.
REFUSED = [
    {"uri": "gopher://x", "watch": WATCH}, {"uri": "test://ball", "loop": True, "watch": WATCH}, {"uri": "test://ball", "watch": ["no-such-model"]},
    {"uri": "test://ball", "watch": WATCH * 2}, {"uri": "test://ball", "watch": WATCH, "record": {"before": "3min"}},
    {"uri": "test://ball", "watch": WATCH, "record": {"at-most": "0.5s"}}, {"uri": "test://ball", "watch": WATCH, "password": "${NOT_SET_ANYWHERE}"},
    {"uri": "test://ball", "watch": [{"model": "camera-watch", "enter-threshold": 0.3, "exit-threshold": 0.6}]}]


def settings(key, value):
    body = {"uri": "test://smpte", "watch": [{"model": "camera-watch"}]}
    if key.startswith("watch."):
        body["watch"][0][key.removeprefix("watch.")] = value
    elif key.startswith("record."):
        body["record"] = {key.removeprefix("record."): value}
    else:
        body[key] = value
    return body


def test_the_schema_of_a_camera_is_what_the_server_takes(make_monitor, interface):
    monitor = make_monitor({}).start()
    ask = asker(monitor, interface)
    schemas = interface.document["components"]["schemas"]
    for values, status in ((GOOD, 200), (BAD, 400)):
        for key in values:
            for value in values[key]:
                body = settings(key, value)
                answer = ask("/cameras/one", "PUT", body=body)
                assert (answer.status in (200, 201)) == (status == 200), (body, answer.body)
                assert (interface.faults_of("CameraSettings", body) == []) == (status == 200), body
    for body in REFUSED:
        assert ask("/cameras/one", "PUT", body=body).status == 400 and interface.faults_of("CameraSettings", body) == [], body
    # The keys must be those that the server names, and each was tried.
    for key, name in (("9999999999", "CameraSettings"), ("watch.9999999999", "WatchSettings"), ("record.9999999999", "RecordSettings")):
        error = ask("/cameras/one", "PUT", body=settings(key, 1)).json["error"]
        named = set(re.search(r"known are ([\w, -]+)", error).group(1).split(", "))
        assert named == set(schemas[name]["properties"]), error
        assert {key.removesuffix("9999999999") + part for part in named} - {"uri", "watch.model"} <= set(GOOD)
    for path, item in interface.paths.items():
        for example in item.get("put", {}).get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {}).values():
            assert interface.faults_of("CameraSettings", example["value"]) == [], path


def test_examples_are_of_their_schemas(interface):
    def look(part):
        if isinstance(part, dict):
            if "schema" in part and "example" in part:
                assert interface.faults(interface.resolve(part["schema"]), part["example"]) == [], part
            for inner in part.values():
                look(inner)
        elif isinstance(part, list):
            for inner in part:
                look(inner)

    look(interface.document)
    names = [interface.paths[path][method]["operationId"] for method, path in interface.operations()]
    assert len(set(names)) == len(names)
    for method, path in interface.operations():
        tags = interface.paths[path][method]["tags"]
        assert set(tags) <= {tag["name"] for tag in interface.document["tags"]} and interface.paths[path][method]["summary"]
