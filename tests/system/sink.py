# SPDX-License-Identifier: Apache-2.0
"""A mail server of the tests' own that answers as it is told, and keeps what it gets."""

import contextlib
import socketserver
import ssl
import threading


class Sink(socketserver.ThreadingTCPServer):
    """`script` maps a command's first word (or 'connect', or '.' for the end of data) to a reply, or to a function of
    the line that returns one. A reply is its whole text without line end; None closes the connection.

    certificate: a file with one and its key; STARTTLS is offered, or TLS is there from the first octet (implicit), and
    secure_extensions inside it."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        script=None,
        extensions=("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000", "DSN"),
        address=("127.0.0.1", 0),
        certificate=None,
        implicit=False,
        secure_extensions=(),
    ):
        super().__init__(address, Session)
        self.port = self.server_address[1]
        self.script = dict(script or {})
        self.extensions = extensions
        self.implicit, self.secure_extensions, self.context = implicit, secure_extensions, None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.lock = threading.Lock()
        self.messages = []  # (MAIL's line, [RCPT's lines], the octets), of those that were answered with 2yz
        self.lines = []  # every command line
        self.connections = 0
        self.handshakes, self.resumed = 0, 0
        self.broken_handshakes = 0  # so many of the next ones end before they begin
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Session(socketserver.StreamRequestHandler):
    secure = False

    def setup(self):
        if self.server.implicit:
            self.start_tls()
        else:
            super().setup()

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()
        if self.secure:
            self.request.close()

    def start_tls(self):
        if self.server.broken_handshakes > 0:
            self.server.broken_handshakes -= 1
            raise OSError
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.secure = True
        with self.server.lock:
            self.server.handshakes += 1
            self.server.resumed += self.request.session_reused
        super().setup()

    def names(self):
        sink = self.server
        if self.secure:
            return ["sink.test", *sink.extensions, *sink.secure_extensions]
        return ["sink.test", *sink.extensions, *(["STARTTLS"] if sink.context else [])]

    def answer(self, word, line, default, message=None):
        """message: what a positive reply takes; it is there for the test before the client knows."""
        reply = self.server.script.get(word, default)
        if callable(reply):
            reply = reply(line)
        if reply is None:
            return None
        if message and reply.startswith("2"):
            with self.server.lock:
                self.server.messages.append(message)
        self.wfile.write(reply.encode() + b"\r\n")
        return reply

    def read_body(self):
        """None: the client went away before its end."""
        body = b""
        while True:
            line = self.rfile.readline()
            if line == b"":
                return None
            if line == b".\r\n":
                return body
            body += line[1:] if line.startswith(b".") else line

    def handle(self):
        sink = self.server
        with sink.lock:
            sink.connections += 1
        mail, rcpts, chunks = "", [], b""
        greeting = self.answer("connect", "", "220 sink.test ESMTP")
        while greeting is not None:
            line = self.rfile.readline().decode("utf-8", "surrogateescape").rstrip("\r\n")
            word = line.split(" ")[0].split(":")[0].upper()
            if not line:
                return
            with sink.lock:
                sink.lines.append(line)
            if word in ("EHLO", "LHLO"):
                names = self.names()
                default = "\r\n".join(f"250{'-' if n < len(names) else ' '}{x}" for n, x in enumerate(names, 1))
            else:
                if word == "BDAT":
                    chunks += self.rfile.read(int(line.split()[1]))
                data = "354 go on" if rcpts else "554 5.5.1 no valid recipients"
                default = {"DATA": data, "QUIT": "221 bye", "STARTTLS": "220 go on"}.get(word, "250 fine")
            last = word == "BDAT" and line.upper().endswith(" LAST")
            reply = self.answer(word, line, default, (mail, rcpts, chunks) if last else None)
            if reply is None or word == "QUIT":
                return
            if word == "STARTTLS" and reply.startswith("2") and sink.context:
                try:
                    self.start_tls()
                except OSError:  # the other side did not like what it saw
                    return
            if word == "MAIL":
                mail, rcpts, chunks = line, [], b""
            elif word == "RCPT" and reply.startswith("2"):
                rcpts.append(line)
            elif word == "DATA" and reply.startswith("3"):
                body = self.read_body()
                if body is None:
                    return
                if self.answer(".", "", "250 kept", (mail, rcpts, body)) is None:
                    return
