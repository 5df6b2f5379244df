# SPDX-License-Identifier: MIT
"""Uses openapi.json as a judge: does the document describe this answer of sta-monitor?"""
import copy
import json
import re

from jsonschema import Draft202012Validator

PREFIX = "/api/v1"
BEGINNINGS = {"image/jpeg": b"\xff\xd8\xff", "video/mp4": b"\0\0\0"}


def close(schema):
    """Answers may get more keys some day. Until then, the document must name every key."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


class Interface:
    def __init__(self, file):
        with open(file, encoding="utf-8") as opened:
            self.document = json.load(opened)
        self.closed = copy.deepcopy(self.document)
        close(self.closed["components"]["schemas"])
        self.seen = set()  # (method, path of the document, status)
        self.patterns = {path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))) for path in self.paths}

    @property
    def paths(self):
        return self.document["paths"]

    def operations(self):
        return {(method, path) for path, item in self.paths.items() for method in item if method in ("get", "put", "post", "delete", "head")}

    def resolve(self, part):
        while "$ref" in part:
            found = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def faults(self, schema, value):
        # References are resolved within the schema's root, so the components are copied into it.
        validator = Draft202012Validator({"components": self.closed["components"], **schema})
        return [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message}" for fault in validator.iter_errors(value)]

    def faults_of(self, name, value):
        return self.faults({"$ref": f"#/components/schemas/{name}"}, value)

    def path_of(self, address):
        """The document's path for an address. A path without parameters goes first."""
        address = address.split("?")[0]
        if not address.startswith(PREFIX):
            return None
        found = [path for path, pattern in self.patterns.items() if pattern.fullmatch(address.removeprefix(PREFIX))]
        return min(found, key=lambda path: path.count("{"), default=None)

    def allowed(self, path):
        methods = {method.upper() for method, known in self.operations() if known == path}
        endless = path.endswith("/live") or path == "/stream"
        return methods | ({"HEAD"} if "GET" in methods and not endless else set())

    def check(self, method, address, answer):
        """Fails if the document does not describe the answer."""
        what = f"{method} {address}: {answer.status} {dict(answer.headers)} {answer.body[:200]}"
        path = self.path_of(address)
        if path is None or method not in self.allowed(path):
            if path is None:
                assert answer.status in ((404,) if method in ("GET", "HEAD") else (404, 405)), what
            else:
                assert answer.status == 405, what
            assert self.is_error(answer), what
            return answer
        item = self.paths[path]
        operation = item.get(method.lower()) or item["get"]
        self.seen.add((method.lower(), path, answer.status))
        assert str(answer.status) in operation["responses"], what
        response = self.resolve(operation["responses"][str(answer.status)])
        for name, header in response.get("headers", {}).items():
            value = answer.headers[name]
            assert value is not None or name == "Set-Cookie", f"{name} is missing; {what}"
            if value is not None:
                assert not self.faults(self.resolve(header)["schema"], value), what
        kinds = response.get("content")
        if kinds is None:
            assert answer.body == b"", what
            return answer
        kind = answer.headers.get_content_type()
        assert kind in kinds, what
        if method == "HEAD":
            assert answer.body == b"" and int(answer.headers["Content-Length"]) > 0, what
        elif kind == "application/json":
            assert self.faults(kinds[kind].get("schema", {}), answer.json) == [], what
        elif kind in BEGINNINGS and answer.status == 200:
            assert answer.body.startswith(BEGINNINGS[kind]) and len(answer.body) == int(answer.headers["Content-Length"]), what
        return answer

    def is_error(self, answer):
        return answer.headers.get_content_type() == "application/json" and (not answer.body or not self.faults_of("Error", answer.json))
