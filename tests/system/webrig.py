# SPDX-License-Identifier: Apache-2.0
"""A gateway that serves HTTPS to strangers, and curl and others who ask it."""

import socket
import ssl
import subprocess

from gateway import eventually, free_port
from httpsrig import Authority

PATH = "/.well-known/mta-sts.txt"
POLICY = "version: STSv1\r\nmode: {}\r\nmx: mx.gatepost.test\r\nmax_age: 604800\r\n"
NAMES = ("mta-sts.demo.test", "mta-sts.second.test")


class Host:
    """A gateway that serves policies on .web_port, with certificates of an authority of its own."""

    def __init__(self, gatepost, folder, second=None, **settings):
        """second: more keys of second.test; settings: more of the whole."""
        self.folder = folder
        self.authority = Authority(folder)
        self.web_port = free_port()
        self.certificates = [self.make(name) for name in ("mx.gatepost.test", *NAMES)]
        ours = {"recipients": ["alice"], "deliver": {"maildir": "mail/{domain}/{local}"}}
        self.server = gatepost(
            domains={
                "demo.test": {**ours, "mta_sts": {"mode": "enforce"}},
                "second.test": {**ours, "mta_sts": {"mode": "testing"}, **(second or {})},
                "silent.test": ours,
            },
            tls={"certificate": [c for c, _ in self.certificates], "key": [k for _, k in self.certificates]},
            web={"policy_listen": f"127.0.0.1:{self.web_port}", **settings.pop("web", {})},
            workers=1,
            **settings,
        )
        eventually(lambda: self.curl(NAMES[0])[0] == 0, what="an answer")

    def make(self, name):
        both = self.authority.issue(name)
        key = self.folder / f"{name}.key"
        text = both.read_text(encoding="ascii")
        key.write_text(text[text.index("-----BEGIN EC PRIVATE KEY") :], encoding="ascii")
        certificate = self.folder / f"{name}.pem"
        certificate.write_text(text[: text.index("-----BEGIN EC PRIVATE KEY")], encoding="ascii")
        return str(certificate), str(key)

    def curl(self, host, *argv, path=PATH):
        """curl's exit code, and what it printed."""
        url = f"https://{host}:{self.web_port}{path}"
        known = ["--resolve", f"{host}:{self.web_port}:127.0.0.1", "--cacert", self.authority.path]
        argv = ["curl", "-q", "--noproxy", "*", "-sS", "--max-time", "20", *known, *argv, url]
        done = subprocess.run(argv, capture_output=True, check=False)
        return done.returncode, done.stdout.decode()

    def connect(self, host=NAMES[0], source="127.0.0.1"):
        raw = socket.create_connection(("127.0.0.1", self.web_port), timeout=30, source_address=(source, 0))
        context = ssl.create_default_context(cafile=self.authority.path)
        return context.wrap_socket(raw, server_hostname=host)

    def ask(self, octets, host=NAMES[0]):
        """All that comes back."""
        with self.connect(host) as tls:
            tls.sendall(octets)
            return read_all(tls)

    def is_well(self):
        assert self.curl(NAMES[0]) == (0, POLICY.format("enforce"))


def read_all(tls):
    data = b""
    while more := tls.recv(65536):
        data += more
    return data
