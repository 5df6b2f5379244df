# SPDX-License-Identifier: MIT
"""A fleet on one machine: three NATS servers in a cluster, and nodes in network namespaces, which can be cut off, killed
and stopped."""
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request

from .broker import free_port, wait_for

TOKEN = "fleet-token"


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def inside(space, *command):
    """The command, run in a network namespace. `ip netns exec` would also mount, which a chroot does not allow."""
    return ["nsenter", f"--net=/run/netns/{space}", *command]


class Network:
    """A bridge with one namespace a node. Needs root."""

    def __init__(self):
        self.name = f"sta{os.getpid() % 10000}"
        self.subnet = f"10.77.{os.getpid() % 250}"
        self.address = f"{self.subnet}.1"
        self.ports = []
        run("ip", "link", "add", self.name, "type", "bridge")
        run("ip", "addr", "add", f"{self.address}/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")

    def add(self, number):
        space, outer, address = f"{self.name}n{number}", f"{self.name}v{number}", f"{self.subnet}.{number + 10}"
        run("ip", "netns", "add", space)
        self.ports.append((space, outer))
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
        run(*inside(space, "ip", "addr", "add", f"{address}/24", "dev", "eth0"))
        run(*inside(space, "ip", "link", "set", "eth0", "up"))
        run(*inside(space, "ip", "link", "set", "lo", "up"))
        self.plug(outer)
        return space, outer, address

    def plug(self, outer):
        run("ip", "link", "set", outer, "master", self.name)
        run("ip", "link", "set", outer, "up")

    def unplug(self, outer):
        """Packets go nowhere, and nobody is told."""
        run("ip", "link", "set", outer, "nomaster")

    def remove(self):
        for space, outer in self.ports:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
            subprocess.run(["ip", "link", "del", outer], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self.name], check=False, capture_output=True)


class NatsServer:
    def __init__(self, folder, address, number, routes, port, route, monitor):
        self.address, self.port, self.monitor, self.process = address, port, monitor, None
        self.name = f"nats-{number}"
        self.file = os.path.join(folder, f"{self.name}.conf")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(f'server_name: {self.name}\nlisten: "{address}:{port}"\nhttp: "127.0.0.1:{monitor}"\n'
                       f'jetstream {{ store_dir: "{folder}/{self.name}" }}\n'
                       f'cluster {{ name: sta, listen: "127.0.0.1:{route}", routes: {json.dumps(routes)} }}\n')
        self.log = os.path.join(folder, f"{self.name}.log")
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(["nats-server", "-c", self.file], stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}{path}", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}


class NatsCluster:
    def __init__(self, folder, address, count=3):
        ports = [free_port() for _ in range(3 * count)]
        routes = [f"nats://127.0.0.1:{ports[3 * i + 1]}" for i in range(count)]
        self.servers = [NatsServer(folder, address, i, routes, ports[3 * i], ports[3 * i + 1], ports[3 * i + 2]) for i in range(count)]
        wait_for("the cluster has a leader", lambda: any(server.ask("/jsz").get("meta_cluster", {}).get("leader") for server in self.servers), 30)

    @property
    def url(self):
        return ",".join(f"nats://{server.address}:{server.port}" for server in self.servers)

    def leader_of(self, stream):
        for server in self.servers:
            for account in server.ask("/jsz?streams=true").get("account_details", []):
                for detail in account.get("stream_detail", []):
                    if detail["name"] == stream:
                        return next(other for other in self.servers if other.name == detail["cluster"]["leader"])
        return None

    def stop(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.kill()


class Node:
    def __init__(self, program, folder, network, number, url, environment, **fleet):
        self.name, self.program, self.network = f"node-{number}", program, network
        self.space, self.outer, self.address = network.add(number)
        self.folder = os.path.join(folder, self.name)
        os.makedirs(self.folder)
        self.file = os.path.join(self.folder, "cameras.yaml")
        self.environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GST_REGISTRY": os.path.join(self.folder, "registry"), **environment}
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump({"http": {"listen": f"{self.address}:8090", "token": TOKEN}, "storage": {"folder": "storage", "keep-free": "1MB"},
                       "fleet": {"url": url, "name": self.name, "capacity": 24, **fleet}}, file)
        self.lines, self.process, self.pauses = [], None, []
        self.start()

    def start(self):
        self.process = subprocess.Popen(inside(self.space, self.program, self.file), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace", env=self.environment)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        wait_for(lambda: "the node starts; it says:\n" + self.log, lambda: "the page is at" in self.log or self.process.poll() is not None)
        assert self.process.poll() is None, self.log

    def _read(self, stream):
        for line in stream:
            self.lines.append(line)

    @property
    def log(self):
        return "".join(self.lines)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.lines.append(f"{stamp(time.time())} KILLED\n")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.pauses.append([time.time(), None])

    def thaw(self):
        self.pauses[-1][1] = time.time()
        self.process.send_signal(signal.SIGCONT)

    def cut(self):
        self.network.unplug(self.outer)

    def heal(self):
        self.network.plug(self.outer)

    def get(self, path):
        request = urllib.request.Request(f"http://{self.address}:8090/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def put(self, path, body):
        request = urllib.request.Request(f"http://{self.address}:8090/api/v1{path}", data=json.dumps(body).encode(), method="PUT",
                                         headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status

    def intervals(self):
        """[(camera, from, to)] in which this node watched, from its log. While it was stopped it watched nothing."""
        open_at, found = {}, []
        for line in list(self.lines):
            time_text, _, rest = line.partition(" ")
            if rest.startswith("KILLED"):
                found += [(camera, begun, seconds(time_text)) for camera, begun in open_at.items()]
                open_at = {}
            elif ": this node watches it (" in rest:
                open_at.setdefault(rest.split()[1].rstrip(":"), seconds(time_text))
            elif rest.rstrip().endswith("this node watches it no more"):
                camera = rest.split()[1].rstrip(":")
                if camera in open_at:
                    found.append((camera, open_at.pop(camera), seconds(time_text)))
        found += [(camera, begun, time.time()) for camera, begun in open_at.items()]
        for begun, ended in self.pauses:
            parts = []
            for camera, first, last in found:
                if first < begun < last:
                    parts.append((camera, first, begun))
                    if last > (ended or last) + 1:
                        parts.append((camera, ended, last))
                else:
                    parts.append((camera, first, last))
            found = parts
        return found


def stamp(unix):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix)) + f".{int(unix * 1000) % 1000:03d}Z"


def seconds(text):
    import calendar
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + int(text[20:23]) / 1000
