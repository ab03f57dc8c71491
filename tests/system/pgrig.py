# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of the tests' own: Debian's, in a folder that goes with it, on a Unix socket, as nobody.

Nothing is installed, as Debian's package makes and starts a cluster of its own: where there is none, its packages are
unpacked as dnsrig.py does it."""

import itertools
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import dnsrig
import peers
from gateway import eventually, free_port


class Unavailable(Exception):
    """Says why there can be none."""


def installed():
    """The folder with the programs of the latest one that is, or None."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


def unpacked():
    """The folder with Debian's packages, and the environment that their programs need."""
    try:
        return dnsrig.unpacked(peers.packages("postgresql"))
    except dnsrig.Unavailable as why:
        raise Unavailable(str(why)) from why


def copy_programs(folder):
    """To where those find them who may not look into root's home; the folder with the programs."""
    unpacked_at, environment = unpacked()
    shutil.copytree(unpacked_at, folder / "unpacked", symlinks=True,
                    ignore=shutil.ignore_patterns("bitcode", "doc", "locale", "man"))
    libraries = environment["LD_LIBRARY_PATH"].replace(str(unpacked_at), str(folder / "unpacked"))
    (folder / "programs").mkdir()
    for program in (folder / "unpacked").glob("usr/lib/postgresql/*/bin/*"):
        path = folder / "programs" / program.name
        path.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {program} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    return folder / "programs"


class PostgreSQL:
    """.url() is a new database's, .url(tls=True) by TLS; .stop() and .start(): it goes away and comes back.
    .authority is the file whose certificate a client is to trust."""

    def __init__(self):
        # Short, as the name of a socket is: pytest's own are not.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gp-pg-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        try:
            self.programs = installed() or copy_programs(self.folder)
        except Unavailable:
            self.folder.rmdir()
            raise
        # It refuses to be root's.
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.numbers = itertools.count(1)
        self.process = None
        argv = ["-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", *argv, "--no-sync")
        self.authority = self.folder / "server.crt"
        self.port = free_port()
        self._make_certificate()
        self.start()

    def _identity(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}

    def _run(self, program, *argv):
        done = subprocess.run([self.programs / program, *map(str, argv)], capture_output=True, text=True, check=False,
                              cwd=self.folder, **self._identity())
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _make_certificate(self):
        key = self.folder / "server.key"
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        argv += ["-keyout", key, "-out", self.authority]
        argv += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(argv, check=True, capture_output=True)
        key.chmod(0o600)
        os.chown(key, self.user.pw_uid, self.user.pw_gid)

    def start(self):
        options = {"unix_socket_directories": self.folder, "listen_addresses": "127.0.0.1", "port": self.port,
                   "ssl": "on", "ssl_cert_file": self.authority, "ssl_key_file": self.folder / "server.key",
                   "fsync": "off",
                   "shared_buffers": "128MB", "max_connections": "40", "log_min_messages": "warning"}
        argv = [self.programs / "postgres", "-D", self.folder / "data"]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder, **self._identity())
        eventually(lambda: self.is_up(), what="PostgreSQL")
        return self

    def is_up(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        argv = [self.programs / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(argv, check=False).returncode == 0

    def stop(self):
        """At once: who is connected hears of it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, tls=False):
        """tls: by TCP, and trusting the server's certificate."""
        name = f"reports{next(self.numbers)}"
        self.ask(f"CREATE DATABASE {name}", "postgres")
        if tls:
            where = f"postgresql://postgres@localhost:{self.port}/{name}?hostaddr=127.0.0.1"
            return f"{where}&sslrootcert={self.authority}"
        return f"postgresql:///{name}?host={self.folder}&port={self.port}&user=postgres"

    def ask(self, sql, url):
        """Rows, as texts."""
        if "://" not in url:
            url = f"postgresql:///{url}?host={self.folder}&port={self.port}&user=postgres"
        done = subprocess.run([self.programs / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-c", sql, url],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    try:
        print(installed() or unpacked()[0])
    except Unavailable as why:
        print(why)
