# SPDX-License-Identifier: Apache-2.0
"""What stands between a client and PostgreSQL, and breaks at the octet that a test wants."""

import pathlib
import select
import shutil
import socket
import tempfile
import threading


class Gate:
    """A Unix socket in front of a server's. .broken is set once it broke, which it does once."""

    def __init__(self, postgresql):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gp-gate-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        name = f".s.PGSQL.{postgresql.port}"
        self.behind = str(postgresql.folder / name)
        self.passes, self.closes = None, True
        self.broken, self.over = threading.Event(), threading.Event()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.folder / name))
        (self.folder / name).chmod(0o777)
        self.socket.listen()
        self.threads = []
        self._begin(self._accept)

    def url(self, url):
        """The same database, by way of it."""
        before, _, after = url.partition("host=")
        return f"{before}host={self.folder}&{after.partition('&')[2]}"

    def break_after(self, octets, closes=True):
        """Of the client's. Then that connection is closed, or nothing comes through it any more."""
        self.broken.clear()
        self.passes, self.closes = octets, closes

    def close(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.socket.close()
        shutil.rmtree(self.folder)

    def _begin(self, run, *args):
        self.threads.append(threading.Thread(target=run, args=args))
        self.threads[-1].start()

    def _accept(self):
        while not self.over.is_set():
            if select.select([self.socket], [], [], 0.05)[0]:
                self._begin(self._carry, self.socket.accept()[0])

    def _carry(self, client):
        with client, socket.socket(socket.AF_UNIX) as server:
            try:
                server.connect(self.behind)
                while not self.over.is_set():
                    for one in select.select([client, server], [], [], 0.05)[0]:
                        octets = one.recv(65536)
                        octets, good = self._pass(octets) if one is client else (octets, bool(octets))
                        (server if one is client else client).sendall(octets)
                        if not good:
                            return
            except OSError:
                return

    def _pass(self, octets):
        """What of it goes through, and whether more will."""
        if self.passes is None:
            return octets, bool(octets)
        octets = octets[:self.passes]
        self.passes -= len(octets)
        if self.passes > 0:
            return octets, bool(octets)
        self.passes = None
        self.broken.set()
        if not self.closes:
            self.over.wait()
        return octets, False
