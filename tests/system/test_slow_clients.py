# SPDX-License-Identifier: Apache-2.0
"""Thousands of clients that have begun TLS and then say an octet now and again: what each costs, and that mail goes on.

GATEPOST_SLOW_CLIENTS=10000 is the long form (make slow-clients): for a minute they say an octet each ten seconds.
"""

import gc
import os
import pathlib
import resource
import socket
import threading
import time

import pytest
import tlsrig
from gateway import Talk, eventually, free_port

COUNT = int(os.environ.get("GATEPOST_SLOW_CLIENTS", "1000"))
LONG = COUNT > 1000
ROUNDS, PAUSE_S = (6, 10) if LONG else (2, 1)
NETWORKS = 1000 if LONG else 100
MEMORY_KIB = 40  # a connection's
REPLY_S = 1
# Of an honest client's rate, by mails that nothing else on the machine held up: a tenth of them is as fast. Asked for
# in the long form alone.
RATE_KEPT, AT_BEST = 0.9, 0.1
FILES_LEFT = 500
THREADS = 4
MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
HONEST = "127.200.0.1"


def address(number):
    """Of as many networks (/24) as there are, one after the other."""
    network, host = number % NETWORKS, number // NETWORKS
    return f"127.{10 + network // 250}.{network % 250}.{host + 1}"


def memory_kib(server):
    """Of smtpd's workers; what they share with others is divided among all."""
    found = 0
    for pid in server.pids("smtpd"):
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        found += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return found


@pytest.fixture
def server(gatepost, scratch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COUNT + FILES_LEFT:
        pytest.skip(f"{hard} descriptors are too few for {COUNT} clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    certificate, key = tlsrig.make(scratch)
    port, tls_port = free_port(), free_port()
    # So many places that these clients are no stress, in which they would be cut off.
    places = {"connections": COUNT * 2, "connections_per_network": COUNT}
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{port}", "service": "inbound"},
            {"address": f"127.0.0.1:{tls_port}", "service": "inbound", "tls": "implicit"},
        ],
        tls={"certificate": str(certificate), "key": str(key)},
        limits=places,
    )
    server.tls_port = tls_port
    eventually(server.all_are_ready, what="every role")
    yield server
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Slow:
    """A client within TLS that has been greeted."""

    context = tlsrig.context()

    def __init__(self, server, number):
        source = (address(number), 0)
        s = socket.create_connection(("127.0.0.1", server.tls_port), timeout=60, source_address=source)
        self.tls = self.context.wrap_socket(s, server_hostname="mx.gatepost.test")
        assert self.tls.recv(100).startswith(b"220 ")

    def drip(self):
        self.tls.send(b"N")

    def finish(self):
        """The line that began with all those octets is one, and is answered."""
        self.tls.send(b"\r\n")
        answer = self.tls.recv(100)
        self.tls.close()
        return answer


def connect_all(server):
    """By some threads, each of which has its part."""
    parts = [[] for _ in range(THREADS)]

    def connect(part):
        parts[part].extend(Slow(server, number) for number in range(part, COUNT, THREADS))

    threads = [threading.Thread(target=connect, args=[part]) for part in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clients = [client for part in parts for client in part]
    assert len(clients) == COUNT
    return clients


def send_one(server):
    """How long an honest client waits for each answer, in seconds."""
    waits, last = [], time.monotonic()
    with Talk(server.port, HONEST) as talk:
        for line in ("EHLO c.example", "MAIL FROM:<me@example.com>", "RCPT TO:<alice@demo.test>", "DATA", None):
            said = talk.say(line) if line else talk.say(MESSAGE.decode() + ".")
            assert said[:1] in ("2", "3"), said
            now = time.monotonic()
            waits.append(now - last)
            last = now
    return waits


def send_for(server, seconds):
    """The waits of each mail that was sent in this time."""
    end, mails = time.monotonic() + seconds, []
    while time.monotonic() < end:
        mails.append(send_one(server))
    return mails


def quantile(values, part):
    return sorted(values)[int(len(values) * part)]


def test_slow_clients_cost_little_and_hold_up_nobody(server):
    for number in range(20):  # what the first ones need is not theirs
        send_one(server)
        Slow(server, number).finish()
    alone = send_for(server, PAUSE_S)
    before = memory_kib(server)
    clients = connect_all(server)
    gc.freeze()  # or Python looks at all of them again and again
    each = (memory_kib(server) - before) / COUNT
    mails = []
    for _ in range(ROUNDS):
        for client in clients:
            client.drip()
        mails += send_for(server, PAUSE_S)
    dripped = (memory_kib(server) - before) / COUNT
    p99, p99_alone = (quantile([max(waits) for waits in sent], 0.99) for sent in (mails, alone))
    best, best_alone = (quantile([sum(waits) for waits in sent], AT_BEST) for sent in (mails, alone))
    figures = f"{COUNT} clients: {each:.1f} KiB each, {dripped:.1f} KiB with half a line; "
    figures += f"{len(mails)} mails meanwhile, at best in {best * 1000:.2f} ms, {best_alone * 1000:.2f} without them, "
    figures += f"p99 of the slowest answer {p99 * 1000:.1f} ms, {p99_alone * 1000:.1f} without them"
    print(figures)
    assert max(each, dripped) <= MEMORY_KIB, figures
    assert p99 < max(REPLY_S, 2 * p99_alone), figures
    assert not LONG or best_alone >= RATE_KEPT * best, figures
    # None of them was cut off.
    assert all(client.finish().startswith(b"500 ") for client in clients)
    eventually(lambda: len(server.mails("alice")) == len(mails) + len(alone) + 20, what="all mails")
    assert not [line for line in server.log_lines() if line["event"] in ("stress_begins", "tls_failed")]
