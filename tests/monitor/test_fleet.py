# SPDX-License-Identifier: MIT
"""A real fleet on one machine: three NATS servers, four nodes in network namespaces, cameras of an RTSP server. Nodes and
servers are killed, stopped and cut off. Each camera soon has a watcher again and never two, and no event is lost, doubled
or out of order."""
import json
import os
import subprocess
import time

import pytest
from harness.broker import wait_for
from harness.camera import Camera
from harness.fleet import NatsCluster, Network, Node

MOST_SECONDS = 15  # until every camera is watched again
CAMERAS = int(os.environ.get("STA_FLEET_CAMERAS", "8"))
NAMES = [f"camera-{i}" for i in range(CAMERAS)]


@pytest.fixture
def fleet_network():
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], check=False, capture_output=True).returncode != 0:
        pytest.skip("network namespaces need root and iproute2")
    network = Network()
    yield network
    network.remove()


class Fleet:
    def __init__(self, folder, network):
        self.folder, self.network = str(folder), network
        self.cluster = NatsCluster(self.folder, network.address)
        self.nodes, self.table = [], []

    def add_node(self, **fleet):
        self.nodes.append(Node(os.environ["STA_MONITOR"], self.folder, self.network, len(self.nodes), self.cluster.url, {}, **fleet))
        return self.nodes[-1]

    def sta(self, *words, text=None):
        command = [os.environ["STA"], "fleet", words[0], "--servers", self.cluster.url, *words[1:]]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self):
        return json.loads(self.sta("status", "--json"))

    def watchers(self):
        """camera -> names of the nodes that say that they watch it"""
        found = {name: [] for name in NAMES}
        for node in self.nodes:
            if node.process.poll() is None and not (node.pauses and node.pauses[-1][1] is None):
                for camera, _, ended in node.intervals():
                    if time.time() - ended < 0.05:
                        found[camera].append(node.name)
        return found

    def all_watched(self, but=""):
        return all(len(nodes) == 1 and nodes != [but] for nodes in self.watchers().values())

    def until_watched(self, what, but=""):
        begun = time.monotonic()
        wait_for(lambda: f"all are watched: {self.watchers()}", lambda: self.all_watched(but), MOST_SECONDS)
        took = time.monotonic() - begun
        self.table.append((what, took))
        return took

    def twice(self):
        by_camera = {}
        for node in self.nodes:
            for camera, begun, ended in node.intervals():
                by_camera.setdefault(camera, []).append((begun, ended, node.name))
        # A log line is written a moment before or after what it tells.
        return [(camera, one, two) for camera, all_of in by_camera.items() for one in all_of for two in all_of
                if one[2] < two[2] and min(one[1], two[1]) - max(one[0], two[0]) > 0.05]

    def stop(self):
        for node in self.nodes:
            if node.process.poll() is None:
                node.process.kill()
                node.process.wait()
        self.cluster.stop()


@pytest.fixture
def fleet(tmp_path, fleet_network):
    made = Fleet(tmp_path, fleet_network)
    yield made
    made.stop()
    for node in made.nodes:
        print(f"--- {node.name}\n{node.log}")


@pytest.fixture
def camera(picture, fleet_network):
    made = Camera(picture, address=fleet_network.address)
    yield made
    made.kill()


def check_events(fleet):
    told = [json.loads(line) for line in fleet.sta("events", "--json").splitlines()]
    keys = [(event["id"], event["state"]) for event in told]
    assert len(keys) == len(set(keys)), "an event is there twice"
    ended = set()
    last_lease = {}
    for event in told:
        if event["state"] == "end":
            ended.add(event["id"])
        else:
            assert event["id"] not in ended, f"an end came before its start: {event}"
    # In the stream the events of one lease are in their order; leases tell which node's came first.
    for event in told:
        moment = event["offset"] or event["onset"]
        key = (event["camera"], event["lease"], event["state"])
        assert last_lease.get(key, "") <= moment, (event, last_lease[key])
        last_lease[key] = moment
    # Whatever a node has in its store was told.
    for node in fleet.nodes:
        if node.process.poll() is None:
            for event in node.get("/events?limit=500")["events"]:
                assert (event["id"], "start") in keys, (node.name, event)
                if event["state"] == "end":
                    assert (event["id"], "end") in keys, (node.name, event)
    return told


def test_every_fault(fleet, camera):
    nodes = [fleet.add_node() for _ in range(4)]
    registry = {name: {"uri": camera.uri, "watch": [{"model": "camera-watch"}]} for name in NAMES}
    begun = time.monotonic()
    assert json.loads(fleet.sta("add", "-", "--json", text=json.dumps(registry)))["added"] == CAMERAS
    fleet.until_watched("start")
    wait_for("pictures come", lambda: all(each["state"] == "playing" for node in nodes for each in node.get("/cameras")["cameras"]), 40)
    camera.cover()
    time.sleep(4)
    camera.uncover()

    nodes[0].kill()
    assert fleet.until_watched("a node is killed (kill -9)", "node-0") <= MOST_SECONDS
    nodes[0].start()

    leader = fleet.cluster.leader_of("KV_sta-nodes")
    leader.kill()
    time.sleep(9)
    fleet.until_watched("the leader of NATS is killed (9 s later)")
    leader.start()
    time.sleep(3)

    nodes[1].cut()
    wait_for("the node that is cut off stops by itself", lambda: not any(nodes[1].name in names for names in fleet.watchers().values()), 8)
    fleet.until_watched("a node is cut off (since it stopped)", "node-1")
    camera.cover()
    time.sleep(4)
    camera.uncover()
    nodes[1].heal()
    wait_for("it is back", lambda: next((n for n in fleet.status()["nodes"] if n["node"] == "node-1" and n["state"] == "ready"), None), 20)

    nodes[2].freeze()
    fleet.until_watched("a node is stopped (SIGSTOP)", "node-2")
    time.sleep(2)
    nodes[2].thaw()
    time.sleep(2)
    fleet.until_watched("and goes on")

    fleet.sta("drain", "node-3")
    wait_for("the node is drained", lambda: not any("node-3" in names for names in fleet.watchers().values()), 15)
    fleet.until_watched("a node is drained", "node-3")
    fleet.sta("drain", "node-3", "--undo")

    added = fleet.add_node()
    wait_for("the new node gets cameras", lambda: any(added.name in names for names in fleet.watchers().values()), 40)
    fleet.until_watched("a node is added")
    assert nodes[0].stop() == 0
    fleet.until_watched("a node ends (SIGTERM)", "node-0")

    assert added.put("/cameras/by-rest", {"uri": camera.uri, "watch": [{"model": "camera-watch"}]}) == 202
    wait_for("a camera over REST", lambda: any(c["camera"] == "by-rest" and c["watched"] for c in fleet.status()["cameras"]))
    fleet.sta("remove", "by-rest")

    assert fleet.twice() == []
    wait_for("nothing waits", lambda: all(node.get("/status")["fleet"]["events_waiting"] == 0 for node in fleet.nodes if node.process.poll() is None))
    told = check_events(fleet)
    assert len(told) >= CAMERAS * 2, told
    print("| fault | s until every camera is watched |\n|---|---|")
    for what, took in fleet.table:
        print(f"| {what} | {took:.1f} |")
    print(f"{len(told)} events, {time.monotonic() - begun:.0f} s in all")


def test_without_nats(tmp_path, make_monitor):
    monitor = make_monitor({"fleet": {"url": "nats://127.0.0.1:1"}})
    done = subprocess.run([os.environ["STA_MONITOR"], monitor.file], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "no NATS server answers at 127.0.0.1:1" in done.stderr, done.stderr
    done = subprocess.run([os.environ["STA"], "fleet", "status", "--servers", "nats://127.0.0.1:1"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "no NATS server answers at 127.0.0.1:1" in done.stderr, done.stderr
