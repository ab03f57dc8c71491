# SPDX-License-Identifier: Apache-2.0
"""A gateway with a dashboard, and somebody who speaks HTTP with it."""

import datetime
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import urllib.parse

import nacl.pwhash
from gateway import BUILD, eventually, free_port

PASSWORD = "correct horse"
# Cheap, so that a test does not wait: what a real one costs is gatepost user's affair.
HASH = nacl.pwhash.argon2id.str(PASSWORD.encode(), opslimit=1, memlimit=8192).decode()
USERS = {"root": "dashboard=admin", "reader": "dashboard=read", "alice@example.org": ""}


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.fields = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


def make_state(state, filled):
    """The gateway's folder, with reports up to yesterday in it where it is to have some, or a copy of a database."""
    reports = state / "reports"
    reports.mkdir(parents=True)
    if isinstance(filled, pathlib.Path):
        shutil.copy(filled, reports / "received.db")
    elif filled:
        day = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date().isoformat()
        subprocess.run([BUILD / "tests" / "figures_test", "fill", reports / "received.db", day], check=True)
    for path in (state, reports, *reports.iterdir()):
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)


class Dashboard:
    """.server is the gateway, .url where its dashboard is."""

    def __init__(self, gatepost, folder, users=None, web=None, filled=False, **settings):
        self.port = free_port()
        self.users = folder / "users"
        self.write_users(USERS if users is None else users)
        web = {"listen": f"127.0.0.1:{self.port}", **(web or {})}
        state = folder / "dashboard-state"
        make_state(state, filled)
        settings = {"state": str(state), "workers": 1, **settings}
        self.server = gatepost(users={"file": str(self.users)}, web=web, **settings)
        self.url = f"http://127.0.0.1:{self.port}"
        self.cookie = self.token = None

    def reload(self, **settings):
        self.server.settings.update(settings)
        self.server.write_config()
        before = self.server.log_text().count("reloaded")
        self.server.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.server.log_text().count("reloaded") > before, what="a reload")

    def write_users(self, users):
        lines = [f"{name} {{argon2id}}{HASH} {rest}\n" for name, rest in users.items()]
        self.users.write_text("".join(lines), encoding="utf-8")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, target, body=None, fields=None, host=None):
        connection = self.connect()
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        sent = {"Host": host or f"127.0.0.1:{self.port}", **(fields or {})}
        if self.cookie and "Cookie" not in sent:
            sent["Cookie"] = self.cookie
        if body is not None:
            sent.setdefault("Content-Length", str(len(body)))
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def get(self, target, **more):
        return self.ask("GET", target, **more)

    def post(self, path, body=b"", token="", **more):
        """With the token of whoever is signed in, unless another is given."""
        fields = {"Gatepost-Token": self.session()["token"] if token == "" else token, **more.pop("fields", {})}
        return self.ask("POST", f"/api/v1/{path}", body, {k: v for k, v in fields.items() if v is not None}, **more)

    def session(self):
        return self.get("/api/v1/session").json

    def is_ready(self):
        """auth has told who its users are."""
        eventually(lambda: self.session()["has_users"], what="users of the dashboard")

    def try_password(self, user, password=PASSWORD):
        form = urllib.parse.urlencode({"user": user, "password": password}).encode()
        return self.post("sign-in", form)

    def sign_in(self, user="root", password=PASSWORD):
        self.is_ready()
        answer = self.try_password(user, password)
        assert answer.status == 200, answer.body
        self.cookie = answer.fields["Set-Cookie"].split(";")[0]
        return answer
