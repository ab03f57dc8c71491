# SPDX-License-Identifier: Apache-2.0
"""A mail server of the tests' own that answers as it is told, and keeps what it gets."""

import socketserver
import threading


class Sink(socketserver.ThreadingTCPServer):
    """`script` maps a command's first word (or 'connect', or '.' for the end of data) to a reply, or to a function of
    the line that returns one. A reply is its whole text without line end; None closes the connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        script=None,
        extensions=("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000", "DSN"),
        address=("127.0.0.1", 0),
    ):
        super().__init__(address, Session)
        self.port = self.server_address[1]
        self.script = dict(script or {})
        self.extensions = extensions
        self.lock = threading.Lock()
        self.messages = []  # (MAIL's line, [RCPT's lines], the octets), of those that were answered with 2yz
        self.lines = []  # every command line
        self.connections = 0
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Session(socketserver.StreamRequestHandler):
    def answer(self, word, line, default):
        reply = self.server.script.get(word, default)
        if callable(reply):
            reply = reply(line)
        if reply is None:
            return None
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
        mail, rcpts = "", []
        greeting = self.answer("connect", "", "220 sink.test ESMTP")
        while greeting is not None:
            line = self.rfile.readline().decode("utf-8", "surrogateescape").rstrip("\r\n")
            word = line.split(" ")[0].split(":")[0].upper()
            if not line:
                return
            with sink.lock:
                sink.lines.append(line)
            if word in ("EHLO", "LHLO"):
                names = ["sink.test", *sink.extensions]
                default = "\r\n".join(f"250{'-' if n < len(names) else ' '}{x}" for n, x in enumerate(names, 1))
            else:
                data = "354 go on" if rcpts else "554 5.5.1 no valid recipients"
                default = {"DATA": data, "QUIT": "221 bye"}.get(word, "250 fine")
            reply = self.answer(word, line, default)
            if reply is None or word == "QUIT":
                return
            if word == "MAIL":
                mail, rcpts = line, []
            elif word == "RCPT" and reply.startswith("2"):
                rcpts.append(line)
            elif word == "DATA" and reply.startswith("3"):
                body = self.read_body()
                if body is None:
                    return
                reply = self.answer(".", "", "250 kept")
                if reply is None:
                    return
                if reply.startswith("2"):
                    with sink.lock:
                        sink.messages.append((mail, rcpts, body))
