# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured, one module each, and what a server is.

A server has these attributes and methods:

name                the word for it on the command line and in tables
modes               those of the modes below that it can do
port                where it listens on 127.0.0.1 once start() has returned
tls_port            with TLS in: where it listens by TLS from the first octet
start()             writes its configuration below `work` and runs it; waits until it greets
stop()              ends all that start() started
settings()          lines that say its version and what was set, for the report
pending()           messages in its queue; only asked when no load is running
mailboxes           the folder below which MODE maildir delivers; None in the other modes

MODE is what it does with mail: `discard` accepts, keeps it durably, drops it; `maildir` delivers userN@box.test to a
Maildir below mailboxes; `relay` passes it on to 127.0.0.1:sink_port; `idle` is `discard` with room for as many
connections from one address as are asked for, where the server can. In these all take mail from 127.0.0.1 for anybody.
`verify` is `discard` for sink.test, and mail for check.test goes to 127.0.0.1:sink_port; 127.0.0.1 is a stranger, whose
mail has SPF, DKIM and DMARC verified by the name server verified.RESOLVER, is told of in an Authentication-Results
field, and is refused when it fails the DMARC policy of its domain.

TLS is "" (none), "in" (STARTTLS is offered, with the certificate and key that work_pair() made), "in-rsa" (the same
with RSA) or "out" (STARTTLS is used where the next hop offers it, and no certificate is asked to prove anything). All
else of TLS is as it comes: with this generator that is TLS 1.3, X25519 and AES-256-GCM for all servers.
"""

import pathlib
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "system"))
import tlsrig  # noqa: E402 (the path above is where it is)

USERS = 100
NOBODY = 65534


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def work_pair(work, tls):
    """A self-signed certificate on P-256, or of RSA-2048, and its key: their paths below work."""
    return tlsrig.make(work, name="bench.test", kind="rsa" if tls == "in-rsa" else "ec")


def wait_for_greeting(port, alive, patience_s=20):
    """Waits until the port says 220. alive() says whether there is still somebody to wait for."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end and alive():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                if s.recv(3) == b"220":
                    s.sendall(b"QUIT\r\n")
                    return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def count_mailboxes(folder):
    """Messages in all the Maildirs below the folder."""
    return sum(1 for box in folder.rglob("new") for _ in box.iterdir())
