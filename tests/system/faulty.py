# SPDX-License-Identifier: Apache-2.0
"""A mail server with faults that no server of Debian has any more, or never had; several at once where told so."""

import contextlib
import socketserver
import ssl
import threading
import time

READ_SIZE = 65536
# NTLM's challenge (MS-NLMSSP section 2.2.1.2), with a machine's name and a domain's.
CHALLENGE = "TlRMTVNTUAACAAAAAAAAADgAAAAFgomiASNFZ4mrze8AAAAAAAAAABAAEAA4AAAACgBjRQAAAA8BAAIATQACAAIAQwAAAAAA"


class Faulty(socketserver.ThreadingTCPServer):
    """certificate: of STARTTLS, or from the first octet (implicit). faults, each with its value:

    injection    what came in clear behind STARTTLS is read inside TLS
    clear_behind these octets stand behind the 220 to STARTTLS
    again        STARTTLS is offered inside TLS
    struck_out   a firewall's X in place of STARTTLS
    no_esmtp     EHLO is not known
    greeting     another one
    wait_s       before it, in the first connection
    unasked      a reply that nobody asked for, behind that to EHLO, in the first connection
    ntlm         AUTH NTLM is offered, in clear
    ends         what ends a message beside CRLF.CRLF
    takes        RCPT is answered by 250, whoever it is, and messages go nowhere
    tls          a function of the SSLContext, before it has its certificate
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, name, certificate=None, implicit=False, known="", **faults):
        super().__init__(address, Session)
        self.visited = False
        self.name, self.implicit, self.known, self.faults, self.context = name, implicit, known, faults, None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            faults.get("tls", lambda context: None)(self.context)
            self.context.load_cert_chain(certificate)


class Session(socketserver.BaseRequestHandler):
    def setup(self):
        self.faults, self.pending, self.tls = self.server.faults, b"", False
        self.first, self.server.visited = not self.server.visited, True
        self.request.settimeout(60)

    def handle(self):
        with contextlib.suppress(OSError, ValueError):
            if self.server.implicit:
                self.start_tls()
            self.talk()

    def start_tls(self):
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.tls = True

    def say(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def read_until(self, ends):
        """What comes before the first of these ends; it is taken away."""
        while True:
            found = [(self.pending.find(end), end) for end in ends if end in self.pending]
            if found:
                at, end = min(found)
                text, self.pending = self.pending[:at], self.pending[at + len(end) :]
                return text
            more = self.request.recv(READ_SIZE)
            if not more:
                raise OSError
            self.pending += more

    def talk(self):
        time.sleep(self.faults.get("wait_s", 0) if self.first else 0)
        self.say(self.faults.get("greeting", f"220 {self.server.name} ESMTP"))
        while True:
            line = self.read_until([b"\r\n"]).decode("latin-1")
            word = line.split(" ")[0].upper()
            answer = getattr(self, f"do_{word}", None)
            if word == "QUIT":
                self.say("221 bye")
                return
            if answer:
                answer(line)
            else:
                self.say("502 what is that")

    def do_EHLO(self, line):
        if "no_esmtp" in self.faults:
            self.say("500 never heard of it")
            return
        offers = [self.server.name, "SIZE 1000000", *(["AUTH NTLM"] if "ntlm" in self.faults else [])]
        if "struck_out" in self.faults:
            offers.append("XXXXXXXA")
        elif self.server.context and (not self.tls or "again" in self.faults):
            offers.append("STARTTLS")
        lines = [f"250{'-' if n < len(offers) else ' '}{offer}" for n, offer in enumerate(offers, 1)]
        if "unasked" in self.faults and self.first:
            lines.append("250 and another thing")
        self.say("\r\n".join(lines))

    def do_HELO(self, line):
        self.say(f"250 {self.server.name}")

    def do_STARTTLS(self, line):
        if not self.server.context:
            self.say("502 no")
            return
        behind = self.faults.get("clear_behind", b"")
        self.request.sendall(b"220 go on\r\n" + behind)
        if "injection" not in self.faults:
            self.pending = b""
        self.start_tls()

    def do_NOOP(self, line):
        self.say("250 fine")

    do_RSET = do_MAIL = do_NOOP

    def do_AUTH(self, line):
        if "ntlm" not in self.faults:
            self.say("502 no")
            return
        if line.upper() == "AUTH NTLM":
            self.say("334 ")
            self.read_until([b"\r\n"])
        self.say(f"334 {CHALLENGE}")
        self.read_until([b"\r\n"])
        self.say("501 as you like")

    def do_RCPT(self, line):
        known = self.server.known and self.server.known in line
        self.say("250 fine" if known or "takes" in self.faults else "550 relaying denied")

    def do_DATA(self, line):
        self.say("354 go on")
        self.read_until([b"\r\n.\r\n", *self.faults.get("ends", [])])
        self.say("250 kept")


def start(host, port, name, **options):
    """One that runs; its owner calls shutdown() and server_close()."""
    server = Faulty((host, port), name, **options)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    return server
