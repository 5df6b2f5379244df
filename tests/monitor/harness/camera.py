# SPDX-License-Identifier: MIT
"""Controls rtsp_camera.py: starts it, tells it what to do, and cuts its power."""
import os
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Camera:
    def __init__(self, picture, **options):
        self.picture, self.options, self.process = picture, options, None
        self.start()

    def start(self, **options):
        """Starts the server, on its previous port if it had one. Options given here replace the previous ones."""
        self.options.update(options)
        command = ["/usr/bin/python3", os.path.join(HERE, "rtsp_camera.py"), self.picture]
        for name, value in self.options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.uri = self.process.stdout.readline().strip()
        assert self.uri.startswith("rtsp://"), "the camera did not start"
        self.options["port"] = self.uri.split(":")[2].split("/")[0]

    def tell(self, command):
        """Returns the wall-clock time at which the command took effect."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline().split()[1])

    def cover(self):
        return self.tell("cover")

    def uncover(self):
        return self.tell("uncover")

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def with_credentials(self, user, password):
        return self.uri.replace("rtsp://", f"rtsp://{user}:{password}@")
