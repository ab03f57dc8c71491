# SPDX-License-Identifier: Apache-2.0
"""Gatepost as built in this tree."""

import json
import os
import pathlib
import subprocess

from servers import NOBODY, ROOT, free_port, verified, wait_for_greeting, work_pair

PROGRAM = pathlib.Path(os.environ.get("GATEPOST_BUILD") or ROOT / "build") / "gatepost"

BASE = """\
hostname: gatepost.test
state: {work}/state
listen:
  - {{address: "127.0.0.1:{port}", service: inbound}}
{tls}"""

# All but `verify`, in which whoever comes is a stranger.
RELAY = """\
relay_networks: ["127.0.0.0/8"]
dns: {answers: names.json}
"""

TLS_LISTENER = '  - {{address: "127.0.0.1:{tls_port}", service: inbound, tls: implicit}}\n'
TLS_KEY = 'tls: {{certificate: "{certificate}", key: "{key}"}}\n'

MODE_SETTINGS = {
    "discard": "domains:\n  sink.test: {{recipients: any, deliver: discard}}\n",
    "maildir": 'domains:\n  box.test: {{recipients: any, deliver: {{maildir: "{work}/mail/{{domain}}/{{local}}"}}}}\n',
    "relay": 'smarthost: {{address: "127.0.0.1:{sink_port}"}}\n',
    "verify": "domains:\n  sink.test: {{recipients: any, deliver: discard}}\n"
    '  check.test: {{recipients: any, deliver: {{relay: "127.0.0.1:{sink_port}"}}}}\n'
    'dns: {{server: "{resolver}:53", trust_anchor: none}}\n',
}
MODE_SETTINGS["idle"] = MODE_SETTINGS["discard"]
# The bench is one address: the defaults for relay_networks are 500 connections of one, and 1,000 handshakes a second.
LIMITS = {"handshakes_per_source": 1000000, "handshakes_per_network": 1000000}
# 50 connections of one are allowed to strangers.
STRANGERS_LIMITS = {"connections_per_source": 500, "connections_per_network": 500}
IDLE_LIMITS = {"connections": 100000, "connections_per_source": 100000, "connections_per_network": 100000}


class Server:
    name = "gatepost"
    modes = tuple(MODE_SETTINGS)

    def __init__(self, work, mode, sink_port, tls=""):
        self.work = pathlib.Path(work)
        self.mode = mode
        self.sink_port = sink_port
        self.tls = tls
        self.port = self.tls_port = None
        self.process = None
        self.mailboxes = self.work / "mail" if mode == "maildir" else None

    def write_configuration(self):
        for name in ("state", "mail"):
            (self.work / name).mkdir()
            if os.geteuid() == 0:
                os.chown(self.work / name, NOBODY, NOBODY)
        (self.work / "names.json").write_text("{}", encoding="utf-8")
        user = "user: nobody\n" if os.geteuid() == 0 else ""
        text = (BASE + user + MODE_SETTINGS[self.mode]).format(
            work=self.work,
            port=self.port,
            sink_port=self.sink_port,
            tls=self.tls_settings(),
            resolver=verified.RESOLVER,
        )
        (self.work / "gatepost.yaml").write_text(text + self.rights_of_clients(), encoding="utf-8")

    def rights_of_clients(self):
        if self.mode == "verify":
            return f"limits: {json.dumps(STRANGERS_LIMITS)}\n"
        return f"{RELAY}relay_limits: {json.dumps(LIMITS | (IDLE_LIMITS if self.mode == 'idle' else {}))}\n"

    def tls_settings(self):
        """As they stand between the first listener and the next key."""
        if not self.tls.startswith("in"):
            return ""
        certificate, key = work_pair(self.work, self.tls)
        self.tls_port = free_port()
        return (TLS_LISTENER + TLS_KEY).format(tls_port=self.tls_port, certificate=certificate, key=key)

    def start(self):
        self.port = free_port()
        self.write_configuration()
        with (self.work / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "serve", "-c", self.work / "gatepost.yaml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if not wait_for_greeting(self.port, lambda: self.process.poll() is None):
            self.stop()
            raise RuntimeError(f"gatepost did not greet; it said: {self.said()[-2000:]}")

    def said(self):
        return (self.work / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def settings(self):
        argv = ["git", "-C", ROOT, "describe", "--always", "--dirty"]
        version = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
        return [f"Gatepost {version or '(no git)'}, defaults, {os.cpu_count()} cores"]

    def pending(self):
        argv = [PROGRAM, "queue", "list", "--json", "-c", self.work / "gatepost.yaml"]
        listed = subprocess.run(argv, capture_output=True, text=True, check=False)
        if listed.returncode not in (0, 1):
            raise RuntimeError(f"gatepost queue list: {listed.stderr.strip()}")
        return len(listed.stdout.splitlines())
