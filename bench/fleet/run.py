#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A fleet of pretended cameras against one real NATS server. Prints a table: how long each phase took, how evenly the
cameras lie, and what the server had to do.

    bench/fleet/run.py build/bench/fleet-bench [--nodes 50] [--cameras 10000]
"""
import argparse
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, folder):
        self.port, self.monitor = free_port(), free_port()
        command = ["nats-server", "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(self.port), "-m", str(self.monitor)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.state()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("nats-server does not start")

    def state(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/varz", timeout=5) as answer:
            state = json.load(answer)
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        state["cpu_seconds"] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return state


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--nodes", default="50")
    parser.add_argument("--cameras", default="10000")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            table(server, args)
        finally:
            server.process.terminate()
            server.process.wait()


def table(server, args):
    command = [args.program, f"nats://127.0.0.1:{server.port}", args.nodes, args.cameras]
    bench = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    print("| phase | s | watched | most watchers of a camera | load max/mean | messages/s in, out | kB/s in, out | server: CPU, MB |")
    print("|---|---|---|---|---|---|---|---|")
    before, at = server.state(), time.monotonic()
    for line in bench.stdout:
        phase = json.loads(line)
        after, now = server.state(), time.monotonic()
        took = max(now - at, 1e-3)

        def rate(name, unit=1):
            return f"{(after[name] - before[name]) / took / unit:.0f}"

        traffic = " | - | - | - |"
        if took > 1:
            cpu = (after["cpu_seconds"] - before["cpu_seconds"]) / took
            traffic = (f" | {rate('in_msgs')}, {rate('out_msgs')} | {rate('in_bytes', 1000)}, {rate('out_bytes', 1000)} | "
                       f"{100 * cpu:.0f} %, {after['mem'] / 1e6:.0f} |")
        print(f"| {phase['phase']} | {phase['seconds']:.1f} | {phase['watched']} | {phase['most_watchers']} | {phase['max_mean']:.3f}{traffic}", flush=True)
        before, at = after, now
    raise SystemExit(bench.wait())


if __name__ == "__main__":
    main()
