# SPDX-License-Identifier: Apache-2.0
"""Debian's Knot DNS, unpacked and not installed: a name server that transfers zones by keys, and takes updates.

    with Knot(folder, {"few.test": [...]}, address="127.0.53.15", key=...) as knot:
        ...  # ask knot.server
"""

import subprocess

import dnsrig
import peers
from gateway import eventually, free_port

SOA = 6

CONFIG = """
server:
    listen: {address}@{port}
    rundir: {folder}
    user: root:root
    tcp-workers: 1
    udp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {folder}
key:
  - id: {name}
    algorithm: {algorithm}
    secret: {secret}
acl:
  - id: by-key
    key: {name}
    action: [transfer, update]
template:
  - id: default
    storage: {folder}
    acl: by-key
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
"""


def unpacked():
    """The folder with its packages, and the environment that its programs need."""
    return dnsrig.unpacked(peers.packages("knot"))


class Knot:
    def __init__(self, folder, zones, address, key):
        """zones: lines of records by apex; key: name, algorithm and secret."""
        self.port = free_port()
        self.server = f"{address}:{self.port}"
        self.address = (address, self.port)
        self.apex = next(iter(zones))
        name, algorithm, secret = key
        text = CONFIG.format(
            address=address, port=self.port, folder=folder, name=name, algorithm=algorithm, secret=secret
        )
        for apex, content in zones.items():
            (folder / apex).write_text(content, encoding="ascii")
            text += f"  - domain: {apex}\n    file: {apex}\n"
        self.config = folder / "knot.conf"
        self.config.write_text(text, encoding="ascii")
        root, self.environment = unpacked()
        self.program = root / "usr/sbin/knotd"
        self.log = folder / "knot.log"

    def __enter__(self):
        with self.log.open("w", encoding="utf-8") as log:
            argv = [self.program, "-c", self.config]
            self.process = subprocess.Popen(argv, env=self.environment, stdout=log, stderr=log)
        try:
            eventually(self.answers, what="knotd's answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def answers(self):
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        return dnsrig.ask(self.address, self.apex, SOA, 0.2) == 0

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


if __name__ == "__main__":
    try:
        print(unpacked()[0])
    except dnsrig.Unavailable as why:
        print(why)
