# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server for tests that answers by a script, and the authority that its certificates come from.

    authority = Authority(folder)
    with HttpsRig(authority.issue("mta-sts.example.test"), answer(body=b"...")) as rig:
        ...  # ask rig.address, rig.port
        rig.requests  # what came: the octets of each request's head and body

A script is octets that are sent as they stand, or a function that is given the TLS socket once the request was read:
it is socket.requested then.
"""

import contextlib
import pathlib
import socket
import ssl
import subprocess
import threading
import time

DAY_S = 86400
REQUEST_MAX = 4 << 20

CA_CONFIG = """
[ca]
default_ca = test
[test]
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def openssl(*argv, folder):
    done = subprocess.run(["openssl", *argv], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Authority:
    """Made anew for each run; nothing of it leaves its folder."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name, self.count = pathlib.Path(folder), name, 0
        self.key = self.make_key(name)
        self.path = self.folder / f"{name}.pem"
        argv = ["req", "-x509", "-key", self.key, "-out", self.path.name, "-subj", f"/CN={name}", "-days", "30"]
        openssl(*argv, folder=self.folder)
        self.pem = self.path.read_text(encoding="ascii")

    def make_key(self, name, rsa_bits=0):
        kind = ["genrsa", "-out", f"{name}.key", str(rsa_bits)]
        if not rsa_bits:
            kind = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key"]
        openssl(*kind, folder=self.folder)
        return f"{name}.key"

    def issue(
        self, *names, common_name="test", expired=False, self_signed=False,
        days=30, span=None, rsa_bits=0, digest="sha256",
    ):  # fmt: skip
        """The path of a file with a certificate for these DNS names, and its key.

        span: the days from now between which it is valid; rsa_bits: of an RSA key; digest: what it is signed by.
        """
        self.count += 1
        name = f"{self.name}-{self.count}"
        key = self.make_key(name, rsa_bits)
        files = f"-key {key} -out {name}.pem".split()
        signer = [] if self_signed else ["-CA", self.path.name, "-CAkey", self.key]
        alternative = ["-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names)] if names else []
        argv = [*files, "-subj", f"/CN={common_name}", *alternative]
        if expired:
            span = (-2000, -1000)
        if span or digest != "sha256":
            self.issue_by_records(argv, name, span or (0, days), digest)
        else:
            openssl("req", "-x509", *argv, *signer, "-days", str(days), folder=self.folder)
        path = self.folder / f"{name}.pem"
        with path.open("a", encoding="ascii") as out:
            out.write((self.folder / key).read_text(encoding="ascii"))
        return path

    def issue_by_records(self, argv, name, span, digest):
        """Dates of the past are given by the tool's larger part alone, which keeps records."""
        (self.folder / "ca.cnf").write_text(CA_CONFIG, encoding="ascii")
        (self.folder / "index").touch()
        request = ["req", "-new", *("request" if a == f"{name}.pem" else a for a in argv)]
        openssl(*request, folder=self.folder)
        argv = ["ca", "-batch", "-config", "ca.cnf", "-cert", self.path.name, "-keyfile", self.key, "-in", "request"]
        since, until = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * DAY_S)) for days in span)
        dates = ["-startdate", since, "-enddate", until, "-md", digest]
        openssl(*argv, *dates, "-out", f"{name}.pem", "-notext", folder=self.folder)


def answer(body=b"", status="200 OK", fields=("Content-Type: text/plain",), length=True):
    lines = [f"HTTP/1.1 {status}", *fields]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def read_request(tls):
    data = b""
    while b"\r\n\r\n" not in data and len(data) < REQUEST_MAX:
        more = tls.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    wanted = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            wanted = int(line.split(b":")[1])
    while len(body) < wanted:
        body += tls.recv(65536)
    return head + b"\r\n\r\n" + body


class HttpsRig:
    def __init__(self, certificate, script, address="127.0.7.1", port=0, old=False):
        self.script, self.address = script, address
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        if old:
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            self.context.minimum_version = self.context.maximum_version = ssl.TLSVersion.TLSv1
        self.listener = socket.create_server((address, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.requests, self.names, self.connections = [], [], 0
        self.most, self.open, self.lock = 0, 0, threading.Lock()
        self.complaints = []  # failed assertions of a script
        self.ended = threading.Event()
        self.context.sni_callback = lambda tls, name, context: self.names.append(name)
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=[raw], daemon=True).start()

    def serve(self, raw):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            with contextlib.suppress(OSError), raw:
                raw.settimeout(30)
                with self.context.wrap_socket(raw, server_side=True) as tls:
                    tls.requested = read_request(tls)
                    self.requests.append(tls.requested)
                    if callable(self.script):
                        self.script(tls)
                    else:
                        tls.sendall(self.script)
                        tls.unwrap()
        except AssertionError as why:
            self.complaints.append(why)
        finally:
            with self.lock:
                self.open -= 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
