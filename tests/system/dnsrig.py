# SPDX-License-Identifier: Apache-2.0
"""A name server for tests: Debian's unbound with names of the test's own, on a loopback address.

    with DnsRig({"example.test": {"MX": [[10, "mx.example.test"]]}, "mx.example.test": {"A": ["127.0.0.9"]},
                 "slow.test": "TIMEOUT", "broken.test": "SERVFAIL"}) as rig:
        ...  # ask rig.server, "127.0.0.53:40053"

Names are given in the form of --dns, and make up the whole world: one zone, the root's, without DNSSEC. "TIMEOUT" and
"SERVFAIL" go for a name and all below it, not for single types. Nothing is installed: where the host has no unbound,
its packages are downloaded by apt-get and unpacked under ~/.cache/gatepost-peers (or $GATEPOST_PEERS).
"""

import hashlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time

# What unbound links with beyond the base system.
PACKAGES = ["unbound", "libprotobuf-c1", "libpython3.11", "libnghttp2-14", "libexpat1"]
LIBRARIES = "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"
STRING_MAX = 255  # octets of one character-string of a TXT record
START_S = 10
STATUS_WORDS = ("SERVFAIL", "TIMEOUT")


class Unavailable(Exception):
    """Why there is no name server on this machine."""


def unpack(packages, folder):
    """The packages' files, below folder."""
    with tempfile.TemporaryDirectory() as archives:
        argv = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages]
        done = subprocess.run(argv, cwd=archives, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"cannot download {packages[0]}: " + done.stderr.strip()[-300:])
        for archive in pathlib.Path(archives).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)


def unpacked(packages):
    """The folder with these packages alone, and the environment that their programs need."""
    home = os.environ.get("GATEPOST_PEERS") or os.path.expanduser("~/.cache/gatepost-peers")
    ready = pathlib.Path(home) / ("dns-" + hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16])
    if not ready.exists():
        ready.parent.mkdir(parents=True, exist_ok=True)
        scratch = pathlib.Path(tempfile.mkdtemp(dir=ready.parent))
        try:
            unpack(packages, scratch)
            scratch.rename(ready)
        except OSError:  # another run was faster
            if not ready.exists():
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    path = ":".join(str(ready / folder) for folder in LIBRARIES)
    return ready, {**os.environ, "LD_LIBRARY_PATH": path}


def unbound():
    """The program, and the environment that it needs."""
    installed = shutil.which("unbound", path="/usr/sbin:/usr/local/sbin")
    if installed:
        return installed, dict(os.environ)
    folder, environment = unpacked(PACKAGES)
    return str(folder / "usr/sbin/unbound"), environment


def quoted(text):
    """One character-string in master-file form."""
    safe = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\{b:03d}" for b in text)
    return f'"{safe}"'


def txt(value):
    parts = value if isinstance(value, list) else [value]
    cut = []
    for part in (p.encode() for p in parts):
        cut += [part[i : i + STRING_MAX] for i in range(0, len(part), STRING_MAX)] or [b""]
    return " ".join(quoted(part) for part in cut)


def name_of(name):
    return (name.rstrip(".") + ".").encode("idna" if not name.isascii() else "ascii").decode()


FORMS = {
    "A": str,
    "AAAA": str,
    "CNAME": name_of,
    "PTR": name_of,
    "NS": name_of,
    "CAA": lambda v: f'{v[0]} {v[1]} {txt(v[2])}',
    "DS": lambda v: f"{v[0]} {v[1]} {v[2]} {v[3]}",
    "DNSKEY": lambda v: f"{v[0]} {v[1]} {v[2]} {v[3]}",
    "MX": lambda v: f"{v[0]} {name_of(v[1])}",
    "TLSA": lambda v: f"{v[0]} {v[1]} {v[2]} {v[3]}",
    "TXT": txt,
    "SPF": txt,
}


def records(name, types):
    """The lines of one name."""
    for kind, values in types.items():
        if kind == "secure":
            continue
        if values in STATUS_WORDS:
            raise ValueError(f"{name} {kind}: {values} goes for whole names here")
        for value in values if isinstance(values, list) else [values]:
            yield f"{name_of(name)} 60 IN {kind} {FORMS[kind](value)}"


def zone(names, apex="."):
    apex = name_of(apex)
    lines = [f"{apex} 60 IN SOA ns.invalid. host.invalid. 1 60 60 60 60", f"{apex} 60 IN NS ns.invalid."]
    for name, types in names.items():
        if types not in STATUS_WORDS:
            lines += records(name, types)
    return "\n".join(lines) + "\n"


CONFIG = """
server:
  interface: {address}
  port: {port}
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  num-threads: 1
  module-config: "iterator"
  minimal-responses: yes
  local-zone: "test." transparent
  unblock-lan-zones: yes
remote-control:
  control-enable: no
"""
AUTH_ZONE = """
auth-zone:
  name: "{name}"
  zonefile: "{file}"
  for-upstream: no
  fallback-enabled: no
"""


FORWARD = """
server:
  do-not-query-localhost: no
forward-zone:
  name: "."
  forward-addr: {server}
"""


WALK = """
server:
  do-not-query-localhost: no
  do-ip6: no
  root-hints: "{folder}/root.hints"
"""


ANCHOR = """
server:
  module-config: "validator iterator"
  trust-anchor-file: "{file}"
"""


def config(folder, address, port, names, forward=None, root=None, anchor=None):
    text = CONFIG.format(address=address, port=port, folder=folder)
    if anchor:
        text = text.replace('  module-config: "iterator"\n', "") + ANCHOR.format(file=anchor)
    if forward:
        return text + FORWARD.format(server=forward.replace(":", "@"))
    if root:
        (folder / "root.hints").write_text(f". 60 IN NS ns.root.\nns.root. 60 IN A {root}\n", encoding="ascii")
        return text + WALK.format(folder=folder)
    words = {name: word for name, word in names.items() if word in STATUS_WORDS}
    for name in (name for name, word in words.items() if word == "TIMEOUT"):
        text += f'server:\n  local-zone: "{name_of(name)}" deny\n'
    text += AUTH_ZONE.format(name=".", file=folder / "zone")
    for name in (name for name, word in words.items() if word == "SERVFAIL"):
        # A zone that could not be loaded.
        text += AUTH_ZONE.format(name=name_of(name), file=folder / "empty")
    return text


def ask(server, name, kind, timeout_s=2):
    """One question over UDP; the response's RCODE, or None when there is none."""
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    query = struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + wire + struct.pack(">2H", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout_s)
        try:
            s.connect(server)
            s.send(query)
            return s.recv(65535)[3] & 15
        except OSError:
            return None


def free_port(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


class DnsRig:
    """In place of names: forward, a server that knows; or root, that of a root, from which it walks down. anchor: the
    file with the root's key, by which it validates."""

    def __init__(self, names, address="127.0.0.53", port=0, forward=None, root=None, anchor=None):
        self.names, self.address, self.forward, self.root, self.anchor = names, address, forward, root, anchor
        self.port = port or free_port(address)
        self.server = f"{address}:{self.port}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatepost-dns-"))
        self.process = None

    def start(self):
        program, environment = unbound()
        (self.folder / "zone").write_text(zone(self.names), encoding="ascii")
        (self.folder / "empty").touch()
        path = self.folder / "unbound.conf"
        text = config(self.folder, self.address, self.port, self.names, self.forward, self.root, self.anchor)
        path.write_text(text, encoding="utf-8")
        with (self.folder / "log").open("wb") as log:
            argv = [program, "-c", str(path)]
            self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while ask((self.address, self.port), ".", 6, timeout_s=0.2) is None:
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.log()
                self.stop()
                raise Unavailable("unbound did not start: " + said[-300:])
            time.sleep(0.02)
        return self

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


if __name__ == "__main__":
    try:
        print(unbound()[0])
    except Unavailable as why:
        print(why)
