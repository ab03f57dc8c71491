# SPDX-License-Identifier: Apache-2.0
"""Plays the supervisor and the peers of a single role: starts its executable, tells it what the schema of messages lets
one tell it, and reads what it answers.

    with Role("resolver", {"hostname": "mx.test", "dns": {...}}) as role:
        relay = role.peer("relay")
        relay.say("resolve", ticket=1, type=15, name=b"example.test")
        relay.hear()  # ("answer", {"ticket": 1, "status": 1, ...})
"""

import array
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import ipcgen
import procs

BUILD = pathlib.Path(os.environ.get("GATEPOST_BUILD", ROOT / "build"))
CONTROL_FD = 3  # GP_ROLE_CONTROL_FD
# enum gp_role_id, from 1
ROLES = ("supervisor", "smtpd", "resolver", "spool", "relay", "maildir", "fetch", "signer", "auth", "reports",
         "ingest", "web", "command")
FRAME = struct.Struct("<HHI")
PACKET_MAX = 64 * 1024
INLINE_MAX = 60 * 1024  # GP_CHANNEL_INLINE
SPILLED = 1
INTEGERS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "bool": "<B"}

RECORDS, _ = ipcgen.parse(ROOT / "src/ipc/messages.schema")
BY_NAME = {record.name: record for record in RECORDS}
MESSAGES = [record for record in RECORDS if record.kind == "message"]


def encode(record, values):
    out = b""
    for f in record.fields:
        value = values[f.name]
        if f.kind in INTEGERS:
            out += struct.pack(INTEGERS[f.kind], value)
        elif f.kind == "bytes":
            out += struct.pack("<I", len(value)) + value
        elif f.kind == "one":
            out += encode(BY_NAME[f.of], value)
        else:
            out += struct.pack("<I", len(value)) + b"".join(encode(BY_NAME[f.of], v) for v in value)
    return out


def decode(record, data, at=0):
    """The values, and where they end."""
    values = {}
    for f in record.fields:
        if f.kind == "one":
            values[f.name], at = decode(BY_NAME[f.of], data, at)
            continue
        form = INTEGERS.get(f.kind, "<I")
        (value,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        if f.kind == "bytes":
            value, at = data[at : at + value], at + value
        elif f.kind == "list":
            members = []
            for _ in range(value):
                member, at = decode(BY_NAME[f.of], data, at)
                members.append(member)
            value = members
        values[f.name] = value
    return values, at


class Channel:
    def __init__(self, end, pid=None):
        self.end = end
        self.end.settimeout(60)
        self.pid = pid  # whose other end it is

    def say(self, name, /, fd=None, **values):
        number = next(i for i, m in enumerate(MESSAGES, 1) if m.name == name)
        self.say_raw(number, encode(BY_NAME[name], values), fd)

    def say_raw(self, number, payload, fd=None, length=None):
        fds = array.array("i", [] if fd is None else [fd])
        length = len(payload) if length is None else length
        if len(payload) <= INLINE_MAX:
            self.send(FRAME.pack(number, 0, length) + payload, fds)
            return
        beside = os.memfd_create("payload")
        with os.fdopen(beside, "wb") as file:
            file.write(payload)
            file.flush()
            fds.insert(0, beside)
            self.send(FRAME.pack(number, SPILLED, length), fds)

    def send(self, packet, fds):
        self.end.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])

    def hear(self):
        """The next message, as (name, values); None when the other end has closed."""
        try:
            data, rights, _, _ = self.end.recvmsg(PACKET_MAX, socket.CMSG_SPACE(8))
        except ConnectionResetError:
            return None
        if not data:
            return None
        number, _, length = FRAME.unpack_from(data)
        payload = data[FRAME.size :]
        if len(payload) < length:  # it travels in an unnamed file
            fds = array.array("i", rights[0][2])
            with os.fdopen(fds[0], "rb") as file:
                payload = os.pread(file.fileno(), length, 0)
        values, at = decode(MESSAGES[number - 1], payload)
        assert at == length, f"{len(payload) - at} octets left over in {MESSAGES[number - 1].name}"
        return MESSAGES[number - 1].name, values

    def hear_all(self, pause_s=0.3):
        """The values of what comes until the role has nothing to do: it waited for events all through a pause."""
        self.end.settimeout(pause_s)
        found = []
        while True:
            before = procs.times_run(self.pid)
            try:
                heard = self.hear()
            except TimeoutError:
                if before is not None and before == procs.times_run(self.pid):
                    return found
                continue
            if heard is None:
                return found
            found.append(heard[1])

    def close(self):
        self.end.close()


def pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Role:
    """settings: gatepost.yaml's, as roles get it: what is a file there, {"text": ...} here."""

    def __init__(self, name, settings, wrapper=(), directories=(), users=None, listens=()):
        self.name, self.settings, self.wrapper = name, settings, list(wrapper)
        self.directories, self.users, self.listens = directories, users, listens
        self.said = tempfile.TemporaryFile()
        self.process = self.control = None
        self.peers = []

    def tell_config(self, settings):
        fd = os.memfd_create("gatepost.yaml")
        os.write(fd, json.dumps(settings).encode())
        self.control.say("config", fd=fd, worker=0, workers=1, seed0=1, seed1=2)
        os.close(fd)

    def tell_directory(self, path):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.control.say("directory", fd=fd, path=str(path).encode())
        os.close(fd)

    def tell_listen(self, sock, service=1, tls=0):
        host, port = sock.getsockname()[:2]
        self.control.say("listen", fd=sock.fileno(), service=service, tls=tls, address=f"{host}:{port}".encode())

    def tell_users(self, text):
        fd = os.memfd_create("users")
        os.write(fd, text.encode())
        self.control.say("users", fd=fd, empty=0)
        os.close(fd)

    def peer(self, name, index=0):
        ours, theirs = pair()
        self.control.say("peer", fd=theirs.fileno(), role=ROLES.index(name) + 1, index=index)
        theirs.close()
        self.peers.append(Channel(ours, self.process.pid))
        return self.peers[-1]

    def start(self):
        ours, theirs = pair()

        def before():
            os.dup2(theirs.fileno(), CONTROL_FD)

        argv = [*self.wrapper, str(BUILD / f"gatepost-{self.name}")]
        # The descriptor would be closed where it is 3 already.
        self.process = subprocess.Popen(
            argv, preexec_fn=before, close_fds=True, pass_fds=[CONTROL_FD], stdin=subprocess.DEVNULL, stderr=self.said
        )
        theirs.close()
        self.control = Channel(ours)
        self.tell_config(self.settings)
        for path in self.directories:
            self.tell_directory(path)
        for sock in self.listens:
            self.tell_listen(sock)
        if self.users is not None:
            self.tell_users(self.users)
        self.control.say("start", uid=0 if os.geteuid() else 65534, gid=0 if os.geteuid() else 65534)
        return self

    def log(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace")

    def hear_pong(self):
        """It has done what the supervisor said before."""
        self.control.say("ping", empty=0)
        while self.control.hear()[0] != "pong":
            pass

    def stop(self):
        """The word to stop, then a clean end."""
        for peer in self.peers:
            peer.close()
        if self.process.poll() is None:
            self.control.say("stop", empty=0)
        code = self.process.wait(60)
        self.control.close()
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self.said.close()
