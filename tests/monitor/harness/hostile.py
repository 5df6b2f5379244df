# SPDX-License-Identifier: MIT
"""Hostile requests, made at random from a seed, and a client that sends raw bytes. No honest client sends such
requests."""
import http.client
import json
import random
import socket
import time

from .monitor import Answer

PARTS = [
    "..", ".", "%2e%2e", "..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "%00", "gate%00", "gate%2fsnapshot", "\u00fc", "%c3%28", "%ff",
    "\u202egp4", "%", "%zz",
    "a" * 3000, "'%20OR%20'1'='1", "${HOME}", "%24%7bHOME%7d", "<script>", "{name}", "*", "%252e%252e", "\\..\\..\\", "file:", "~root",
    ";", "//", "?", "#",
    "%0d%0aX-Evil:%20yes", "%u0041", "cameras.yaml", "secret.txt", "events.db", "-1", "nul", "index.html", "%ef%bb%bf", "\x7f", "%20",
    "+", "&", "=", ""]
ROOTS = [
    "/api/v1/", "/api/v1/", "/page/", "/", "/api/v2/", "/api/", "//api//v1//", "/api/v1/../../", "http://evil.example/api/v1/",
    "file:///", "/metrics/", "/healthz/"]
PLAIN = [
    "/", "/page/page.js", "/healthz", "/readyz", "/metrics", "*", "/etc/passwd", "/page/../../../etc/passwd", "/page/%2e%2e/%2e%2e/etc/passwd"]
QUERIES = ["camera", "model", "label", "from", "to", "limit", "cursor", "token", "", "callback", "camera[]", "%63amera", "id"]
VALUES = [
    "", "gate", "covered", "1", "500", "501", "-1", "1e3", "99999999999999999999", "2026-11-27T08:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-02-30T00:00:00%2B99:99", "1795766400000-7231cecdcd77d219", "-9223372036854775809-x", "'%3B%20DROP%20TABLE%20events%3B--", "%00",
    "%ff%fe", "a" * 5000, "%25n%25n%25s", "\u2603", "null", "[]", "%"]
HEADERS = {
    "Range": ["bytes=0-9", "bytes=-1", "bytes=9-", "bytes=0-0,2-2", "bytes=" + "0-," * 500, "bytes=18446744073709551615-", "bytes=-0",
              "bytes=a-b", "x" * 2000],
    "Origin": ["http://evil.example", "null", "http://127.0.0.1", "", "file://"],
    "Host": ["127.0.0.1", "evil.example", "[::1]:80", "", "a" * 3000, "127.0.0.1:99999", "[", "x y"],
    "Last-Event-ID": ["0", "-1", "1", "99999999999999999999", "x", "\xff"],
    "Authorization": ["Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "Bearer " + "a" * 5000, "Digest username=a"],
    "Cookie": ["sta_session=", "sta_session=x; sta_session=y", ";" * 500, "=" * 100, "a" * 3000],
    "If-None-Match": ["*", '"x"'], "If-Modified-Since": ["Thu, 01 Jan 1970 00:00:00 GMT", "x"], "If-Range": ['"x"'],
    "Accept-Encoding": ["gzip, deflate, br"],
    "Content-Type": ["application/json", "text/plain; charset=utf-16", "multipart/form-data; boundary=x", "x"],
    "Expect": ["100-continue", "teapot"],
    "Connection": ["close", "keep-alive", "Upgrade"], "Upgrade": ["websocket", "h2c"], "X-Forwarded-Proto": ["https", "x"],
    "X-HTTP-Method-Override": ["DELETE"],
    "Accept": ["*/*", "image/webp"], "Transfer-Encoding": ["identity"], "X-" + "a" * 300: ["b" * 3000]}
METHODS = ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "A" * 300]
KEYS = ["hop", "smoothing", "drop-number", "still-threshold", "classes", "background", "device", "name", "record", "loop", "min-duration", "what"]
# Replacements for values of the settings. Addresses stay on this machine, and no model is a big one.
ODD = [
    None, True, 0, -1, 0.5, 1e400, 10**30, "", " ", "x" * 5000, "\0", "\ud83d\ude00", "../../etc/passwd", "/etc/passwd",
    "file:///etc/passwd", "file://", "test://",
    "test://" + "\0" * 9, "v4l2:///dev/null", "rtsp://127.0.0.1:1/", "rtsp://u:p@127.0.0.1:1/", "http://127.0.0.1:1/x", "gopher://x",
    "://", "rtsp://[", "${HOME",
    "${}", "${NOT_SET_ANYWHERE}", "0s", "9e18ns", "1e999s", "-5s", "nans", "5 parsecs", [], {}, [[]], [[[[[]]]]], ["a"] * 50,
    {"a": {"b": {"c": []}}}, "auto", "true",
    "camera-watch", "no-such-model", ".", "/", "~", "*a", "&a", "<<", "- - -", "a\nb: c", "%", "covered"]
BOMB = b"a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\nwatch: [*d,*d,*d]\nuri: *d\n<<: *a\nrecord: &r {on: *r}"
BROKEN = [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n folded: yes\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\0: \0\r\n\r\n", b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"G" * 200000,
    b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000 + b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 300000 + b"\r\n\r\n",
    b"\xff\xfe\xfd" * 50,
    b"PUT /api/v1/cameras/x HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/1.1", b"PUT /api/v1/cameras/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"PUT /api/v1/cameras/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
    b"PUT /api/v1/cameras/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"PUT /api/v1/cameras/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", b"HTTP/1.1 200 OK\r\n\r\n",
    b"PUT /api/v1/cameras/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20, b"GET /healthz HTTP/1.0\r\n\r\n"]


class Hostile:
    """`operations`: those of the document, (method, path). names: cameras that may be changed; ids: events."""

    def __init__(self, seed, operations, names, ids, token):
        self.random = random.Random(seed)
        self.operations, self.names, self.ids, self.token = sorted(operations), names, ids, token

    def chance(self, share):
        return self.random.random() < share

    def address(self, known):
        pick = self.random.choice
        if self.chance(0.1):
            path = pick(PLAIN)
        elif self.chance(0.15):
            path = pick(ROOTS) + "/".join(pick(PARTS) for _ in range(self.random.randrange(4)))
        else:
            path = "/api/v1" + known
            for part, known_ones in (("{name}", self.names), ("{id}", self.ids)):
                path = path.replace(part, pick(known_ones if self.chance(0.8) else PARTS))
            if self.chance(0.05):
                path += "/" + pick(PARTS)
        if self.chance(0.2) or (path.endswith("/events") and self.chance(0.7)):
            path += "?" + "&".join(f"{pick(QUERIES)}={pick(VALUES)}" for _ in range(self.random.randrange(1, 5)))
        return path

    def settings(self):
        body = {"uri": "test://" + self.random.choice(["ball", "smpte", "black"]), "watch": [{"model": "camera-watch"}]}
        if self.chance(0.3):
            body["record"] = self.random.choice([True, {"before": "1s", "after": "1s", "on": ["covered"]}])
        if self.chance(0.3):
            body.update(user="me", password="${FUZZ_SECRET}", transport="udp")
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2, 4])):
            place = self.random.choice([body, body, body["watch"][0] if isinstance(body.get("watch"), list) and body["watch"] else body])
            if not isinstance(place, dict) or not place:
                continue
            key = self.random.choice([*place, *KEYS])
            if self.chance(0.15):
                place.pop(key, None)
            else:
                place[key] = self.random.choice(ODD)
        return json.dumps(body, allow_nan=True).encode()

    def body(self):
        kind = self.random.randrange(12)
        text = self.settings()
        if kind < 5:
            return text
        if kind == 5:  # some bytes are others
            broken = bytearray(text)
            for _ in range(self.random.randrange(1, 6)):
                broken[self.random.randrange(len(broken))] = self.random.randrange(256)
            return bytes(broken)
        if kind == 6:
            return text[: self.random.randrange(len(text))]
        if kind == 7:
            part = self.random.choice([b"[", b"{a: ", b"- ", b'{"a":', b"? ", b"&a [", b"!!x ", b"'", b"\t", b"\xff"])
            return part * self.random.choice([1, 50, 2000, 12000])
        if kind == 8:
            twice = [text + b"\0" + text, text + b"\n---\n" + text]
            return self.random.choice([text.decode().encode("utf-16"), b"\xef\xbb\xbf" + text, *twice, b"\xff\xfe\xfa", bytes(100)])
        if kind == 9:
            return json.dumps({"token": self.random.choice(["wrong", "", 5, None, "x" * 5000])}).encode()
        if kind == 10:
            return BOMB
        return bytes(self.random.randrange(256) for _ in range(self.random.choice([1, 100, 3000])))

    def request(self):
        """(method, address, bytes of the request)."""
        method, path = self.random.choice(self.operations)
        method, address = method.upper() if self.chance(0.8) else self.random.choice(METHODS), self.address(path)
        headers = {"Host": "127.0.0.1", "Authorization": "Bearer " + self.token}
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2, 3])):
            name = self.random.choice(list(HEADERS))
            headers[name] = self.random.choice(HEADERS[name])
        body = self.body() if method in ("PUT", "POST", "PATCH") or self.chance(0.02) else b""
        if body and self.chance(0.03):
            body = body * (90000 // len(body) + 1)
        if body and self.chance(0.04):
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        elif body:
            headers["Content-Length"] = str(len(body))
        head = f"{method} {address} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        return method, address, head.encode("utf-8", "surrogatepass") + body


class Wire:
    """A connection that stays open as long as the server allows."""

    def __init__(self, port):
        self.port, self.socket, self.slowest = port, None, 0.0

    def send(self, data, method="GET", finish=False):
        """The answer, or None if the server closed the connection without one. finish: this side sends no more."""
        begun = time.monotonic()
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=6)
            try:
                self.socket.sendall(data)
                if finish:
                    self.socket.shutdown(socket.SHUT_WR)
            except TimeoutError:
                raise
            except OSError:
                pass  # it may have answered before it read everything
            response = http.client.HTTPResponse(self.socket, method=method)
            response.begin()
            kind = response.headers.get_content_type()
            endless = response.status == 200 and kind in ("multipart/x-mixed-replace", "text/event-stream")
            answer = Answer(response.status, response.headers, b"" if endless else response.read())
            if endless or finish or response.will_close:
                self.close()
            return answer
        except (http.client.HTTPException, ConnectionError):
            self.close()
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None
