# SPDX-License-Identifier: Apache-2.0
"""Attackers on the way: each stands between a mail server and who sends to it, does one thing to the beginning of TLS,
and keeps all octets that crossed, in both directions and as they came.

    with Attacker("127.0.26.1", ("127.0.25.5", 25), hide) as attacker:
        ...  # dial attacker.address
        attacker.crossed
"""

import socket
import threading

READ_SIZE = 65536
STARTTLS = b"STARTTLS\r\n"


class Link:
    """One connection through an attacker."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.tls = False  # STARTTLS was said

    def cut(self):
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


# An attack is given what came, and from whom; it returns what goes on instead.


def nothing(link, data, from_server):
    return data


def hide(link, data, from_server):
    """EHLO's answer with another word in its place, as some firewalls do."""
    return data.replace(b"STARTTLS", b"XXXXXXXA") if from_server else data


def answering(command, reply):
    """A command does not reach the server, and is answered by the attacker."""

    def attack(link, data, from_server):
        if from_server or not data.startswith(command):
            return data
        link.client.sendall(reply)
        return b""

    return attack


def pretend(link, data, from_server):
    """STARTTLS is answered by 220, and the ClientHello by a reply in clear."""
    if from_server or not link.tls:
        return data
    link.client.sendall(b"220 2.0.0 go ahead\r\n" if data == STARTTLS else b"250-mx.test\r\n250 PIPELINING\r\n")
    return b""


def inject(link, data, from_server):
    """The server's 220, and behind it the answers to what the client will say inside TLS, in the same segment."""
    if from_server and link.tls and data.startswith(b"220 "):
        data += b"250-mx.test\r\n250 PIPELINING\r\n" + b"250 2.0.0 fine\r\n" * 2 + b"354 go on\r\n250 2.0.0 taken\r\n"
    return data


def cut(link, data, from_server):
    """The server's first octets of TLS never arrive, and nothing else does."""
    if from_server and link.tls and not data.startswith(b"220 "):
        link.cut()
        return b""
    return data


ATTACKS = {
    "nothing": nothing,
    "STARTTLS hidden": hide,
    "EHLO refused": answering(b"EHLO ", b"502 5.5.1 unknown command\r\n"),
    "454": answering(STARTTLS, b"454 4.7.0 TLS not available\r\n"),
    "garbage": answering(STARTTLS, b"\x16\x03\x01 \xff\x00 what?\r\n"),
    "replies injected": inject,
    "TLS pretended": pretend,
    "handshake cut": cut,
}


class Attacker:
    def __init__(self, address, server, attack):
        self.address, self.server, self.attack = address, server, attack
        self.listener = socket.create_server((address, 25), backlog=16)
        self.crossed, self.connections, self.lock = b"", 0, threading.Lock()
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            link = Link(client, socket.create_connection(self.server, timeout=30))
            for ends in ((client, link.server), (link.server, client)):
                threading.Thread(target=self.pump, args=[link, *ends], daemon=True).start()

    def pump(self, link, source, target):
        try:
            while data := source.recv(READ_SIZE):
                with self.lock:
                    self.crossed += data
                link.tls |= data == STARTTLS
                target.sendall(self.attack(link, data, source is link.server))
        except OSError:
            pass
        link.cut()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
